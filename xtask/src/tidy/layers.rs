//! Dependencies between our packages go strictly downwards, and only where the crate table allows them.
//!
//! The table in `docs/architecture.md` is what readers trust, and the manifests are what cargo obeys; this rule keeps them
//! equal in both directions. Development dependencies are exempt: a test may stand on a layer above.

use std::{collections::BTreeMap, path::Path};

use super::{files::File, Finding};
use crate::workspace::Package;

const TABLE: &str = "docs/architecture.md";
const COLUMNS: [&str; 5] = ["layer", "folder", "package", "what it is", "may use"];

const WHY_TABLE: &str =
    "readers learn the layers from the crate table, so that it must say what the manifests say";
const WHY_DOWN: &str =
    "a crate that uses a neighbour or a crate above it cannot be understood, tested or replaced alone";

/// One row of the crate table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    layer: u8,
    folder: String,
    package: String,
    may_use: Vec<String>,
}

pub(super) fn check(root: &Path, members: &[&Package], files: &[File]) -> Vec<Finding> {
    let document = files.iter().find(|file| file.path == TABLE).and_then(|file| file.text.as_deref());
    match document.map(rows) {
        None => vec![table(format!("there is no {TABLE}"))],
        Some(Err(finding)) => vec![finding],
        Some(Ok(rows)) => compare(root, members, &rows),
    }
}

fn table(what: String) -> Finding {
    Finding {
        place: TABLE.to_owned(),
        what,
        why: WHY_TABLE,
        repair: "bring table and manifests together again",
    }
}

fn dependency(package: &Package, what: String) -> Finding {
    Finding {
        place: package.name.clone(),
        what,
        why: WHY_DOWN,
        repair: "remove the dependency, or move what both need to a lower layer; changing the table is a design decision",
    }
}

/// Reads the rows of the crate table.
fn rows(document: &str) -> Result<Vec<Row>, Finding> {
    let mut lines = document.lines().map(cells).skip_while(|cells| *cells != COLUMNS);
    if lines.next().is_none() {
        return Err(table(format!("no table with the columns {}", COLUMNS.join(", "))));
    }
    lines.skip(1).take_while(|cells| !cells.is_empty()).map(|cells| row(&cells)).collect()
}

/// The cells of a table row without backticks; empty for any other line.
fn cells(line: &str) -> Vec<String> {
    let Some(inner) = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
        return Vec::new();
    };
    inner.split('|').map(|cell| cell.trim().replace('`', "")).collect()
}

fn row(cells: &[String]) -> Result<Row, Finding> {
    let [layer, folder, package, _, may_use] = cells else {
        return Err(table(format!("a row has {} cells instead of 5: {}", cells.len(), cells.join(" | "))));
    };
    let Ok(layer) = layer.parse() else {
        return Err(table(format!("the layer of {package} is `{layer}`, which is no number")));
    };
    let may_use =
        may_use.split(',').map(str::trim).filter(|name| !["", "-"].contains(name)).map(str::to_owned);
    Ok(Row { layer, folder: folder.clone(), package: package.clone(), may_use: may_use.collect() })
}

fn compare(root: &Path, members: &[&Package], rows: &[Row]) -> Vec<Finding> {
    let by_package: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.package.as_str(), row)).collect();
    let by_folder: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.folder.as_str(), row)).collect();
    let mut findings = Vec::new();

    for row in rows {
        if !members.iter().any(|member| member.name == row.package) {
            findings
                .push(table(format!("`{}` is in the table and is no member of the workspace", row.package)));
        }
        for name in &row.may_use {
            match by_folder.get(name.as_str()) {
                None => findings.push(table(format!("`{}` may use `{name}`, which has no row", row.folder))),
                Some(used) if used.layer >= row.layer => findings.push(table(format!(
                    "`{}` of layer {} may use `{name}` of layer {}, which is not below it",
                    row.folder, row.layer, used.layer
                ))),
                Some(_) => {}
            }
        }
    }
    for member in members {
        match by_package.get(member.name.as_str()) {
            None => {
                findings
                    .push(table(format!("`{}` is a member of the workspace and has no row", member.name)));
            }
            Some(row) => findings.extend(compare_member(root, member, row, &by_package)),
        }
    }
    findings
}

fn compare_member(
    root: &Path,
    member: &Package,
    row: &Row,
    by_package: &BTreeMap<&str, &Row>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    match member.layer() {
        None => findings
            .push(table(format!("the manifest of `{}` has no [package.metadata.ron] layer", member.name))),
        Some(layer) if layer != row.layer => findings.push(table(format!(
            "`{}` is in layer {} by the table and in layer {layer} by its manifest",
            member.name, row.layer
        ))),
        Some(_) => {}
    }
    let folder = folder(root, member);
    if folder != row.folder {
        findings.push(table(format!("`{}` is in folder `{folder}`, not in `{}`", member.name, row.folder)));
    }
    for dependency_row in member
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
        .filter_map(|dependency| by_package.get(dependency.name.as_str()))
    {
        let name = &dependency_row.package;
        if dependency_row.layer >= row.layer {
            findings.push(dependency(
                member,
                format!("layer {} may not depend on `{name}` of layer {}", row.layer, dependency_row.layer),
            ));
        } else if !row.may_use.contains(&dependency_row.folder) {
            findings
                .push(dependency(member, format!("may not depend on `{name}`: the table does not name it")));
        }
    }
    findings
}

/// The folder as the table writes it: below `crates/`, or from the root.
fn folder(root: &Path, member: &Package) -> String {
    let folder =
        member.manifest_path.parent().and_then(|folder| folder.strip_prefix(root).ok()).unwrap_or(root);
    let folder = folder.to_string_lossy().replace('\\', "/");
    folder.strip_prefix("crates/").unwrap_or(&folder).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Dependency, PackageMetadata, RonMetadata};

    const DOCUMENT: &str = "
# Crates

| layer | folder | package | what it is | may use |
| --- | --- | --- | --- | --- |
| 0 | `core` | `p-core` | cells | - |
| 0 | `wire` | `p-wire` | bytes | - |
| 1 | `export` | `p-export` | lanes | `wire` |

After the table | is | no | row | - |
";

    fn package(name: &str, layer: Option<u8>, uses: &[(&str, Option<&str>)]) -> Package {
        Package {
            id: name.to_owned(),
            name: format!("p-{name}"),
            version: String::new(),
            edition: String::new(),
            rust_version: None,
            manifest_path: format!("/r/crates/{name}/Cargo.toml").into(),
            dependencies: uses
                .iter()
                .map(|(name, kind)| Dependency {
                    name: format!("p-{name}"),
                    kind: kind.map(str::to_owned),
                    optional: false,
                })
                .collect(),
            features: BTreeMap::new(),
            metadata: Some(PackageMetadata {
                ron: layer.map(|layer| RonMetadata { layer, newer: Vec::new() }),
            }),
        }
    }

    fn findings(document: &str, export: &Package) -> Vec<String> {
        let (core, wire) = (package("core", Some(0), &[]), package("wire", Some(0), &[]));
        let files = [File::new(TABLE, document)];
        let found = check(Path::new("/r"), &[&core, &wire, export], &files);
        found.into_iter().map(|finding| finding.what).collect()
    }

    fn export() -> Package {
        package("export", Some(1), &[("wire", None), ("other", None)])
    }

    #[test]
    fn manifests_that_agree_with_the_table_pass() {
        assert_eq!(findings(DOCUMENT, &export()), [""; 0]);
    }

    #[test]
    fn a_dependency_that_the_table_does_not_name_is_found() {
        let found = findings(DOCUMENT, &package("export", Some(1), &[("core", None)]));
        assert_eq!(found, ["may not depend on `p-core`: the table does not name it"]);
        let found = findings(DOCUMENT, &package("export", Some(1), &[("core", Some("build"))]));
        assert_eq!(found.len(), 1, "a build dependency is a dependency");
    }

    #[test]
    fn development_dependencies_are_exempt() {
        assert_eq!(findings(DOCUMENT, &package("export", Some(1), &[("core", Some("dev"))])), [""; 0]);
    }

    #[test]
    fn sideways_and_upwards_are_found_whatever_the_table_allows() {
        let document = DOCUMENT.replace("| 1 | `export`", "| 0 | `export`");
        let found = findings(&document, &package("export", Some(0), &[("wire", None)]));
        assert_eq!(
            found,
            [
                "`export` of layer 0 may use `wire` of layer 0, which is not below it",
                "layer 0 may not depend on `p-wire` of layer 0",
            ]
        );
    }

    #[test]
    fn a_layer_that_differs_or_is_missing_is_found() {
        let found = findings(DOCUMENT, &package("export", Some(2), &[]));
        assert_eq!(found, ["`p-export` is in layer 1 by the table and in layer 2 by its manifest"]);
        let found = findings(DOCUMENT, &package("export", None, &[]));
        assert_eq!(found, ["the manifest of `p-export` has no [package.metadata.ron] layer"]);
    }

    #[test]
    fn a_crate_that_is_only_in_one_of_both_is_found() {
        let found = findings(DOCUMENT, &package("extra", Some(1), &[]));
        assert_eq!(
            found,
            [
                "`p-export` is in the table and is no member of the workspace",
                "`p-extra` is a member of the workspace and has no row",
            ]
        );
    }

    #[test]
    fn a_folder_that_differs_or_is_unknown_is_found() {
        let found = findings(&DOCUMENT.replace("`export`", "`lanes`"), &export());
        assert_eq!(found, ["`p-export` is in folder `export`, not in `lanes`"]);
        let found = findings(&DOCUMENT.replace("lanes | `wire`", "lanes | `wire`, `wired`"), &export());
        assert_eq!(found, ["`export` may use `wired`, which has no row"]);
    }

    #[test]
    fn a_table_that_cannot_be_read_is_found() {
        assert_eq!(findings("# Crates", &export()).len(), 1);
        assert_eq!(findings(&DOCUMENT.replace("| 1 |", "| one |"), &export()).len(), 1);
        assert_eq!(findings(&DOCUMENT.replace("| lanes |", "| lanes | more |"), &export()).len(), 1);
        assert_eq!(check(Path::new("/r"), &[], &[]).len(), 1, "no document at all");
    }
}
