//! The key behind pseudonyms of client addresses.
//!
//! There are few enough addresses to try them all, so an unkeyed hash hides none of them. Without the key, a reader learns that
//! two requests came from one client, and no more. The key is kept: pseudonyms that changed with each run would make every
//! import a new one.

use std::{
    env,
    ffi::OsString,
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{bail, ensure, Context};

/// The environment variable that holds the key, for hosts that keep it in no file.
pub(super) const VARIABLE: &str = "RON_ACCOUNTING_HASH_KEY";

const MATERIAL_BYTES_MIN: usize = 16;
const MATERIAL_BYTES_MAX: usize = 4096;

/// A key for pseudonyms.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct HashKey([u8; 32]);

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(..)")
    }
}

impl HashKey {
    /// Reads the key from the named file, else from the variable, else from the file next to the ledger, which is created on
    /// first use.
    pub(super) fn obtain(file: Option<&Path>, ledger: &Path) -> anyhow::Result<Self> {
        if let Some(path) = file {
            return Self::read(path)
                .with_context(|| format!("cannot use the hash key in {}", path.display()));
        }
        if let Some(material) = env::var_os(VARIABLE) {
            return Self::derive(material.as_encoded_bytes())
                .with_context(|| format!("cannot use the hash key in the variable {VARIABLE}"));
        }
        let path = beside(ledger);
        match Self::read(&path) {
            Err(error) if is_missing(&error) => Self::create(&path).with_context(|| {
                format!("cannot create the hash key {}: name another with --hash-key-file", path.display())
            }),
            result => result.with_context(|| format!("cannot use the hash key in {}", path.display())),
        }
    }

    /// Returns bytes that identify the key and do not reveal it.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        blake3::derive_key("ron-accounting import 2026 hash key fingerprint", &self.0)
    }

    /// Writes the pseudonym of a client: `h` and 16 hexadecimal digits. The letter keeps it from being taken for a number, such as
    /// that of a card.
    pub(super) fn write_pseudonym(&self, client: &str, out: &mut String) {
        out.clear();
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        if client.bytes().any(|b| b.is_ascii_uppercase()) {
            hasher.update(client.to_ascii_lowercase().as_bytes());
        } else {
            hasher.update(client.as_bytes());
        }
        out.push('h');
        out.push_str(hasher.finalize().to_hex().get(..16).unwrap_or_default());
    }

    fn derive(material: &[u8]) -> anyhow::Result<Self> {
        let material = material.strip_suffix(b"\n").unwrap_or(material);
        ensure!(
            (MATERIAL_BYTES_MIN..=MATERIAL_BYTES_MAX).contains(&material.len()),
            "it has {} bytes, must have {MATERIAL_BYTES_MIN} to {MATERIAL_BYTES_MAX}: name another key",
            material.len()
        );
        Ok(Self(blake3::derive_key("ron-accounting import 2026 client pseudonyms", material)))
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let mut material = Vec::new();
        File::open(path)?.take(MATERIAL_BYTES_MAX as u64 + 2).read_to_end(&mut material)?;
        Self::derive(&material)
    }

    /// Writes a random key, readable for its owner alone, and durable before the first pseudonym is.
    fn create(path: &Path) -> anyhow::Result<Self> {
        let mut random = [0; 32];
        if let Err(error) = getrandom::fill(&mut random) {
            bail!("the operating system gives no random bytes: {error}");
        }
        let material = blake3::Hash::from_bytes(random).to_hex();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        writeln!(file, "{material}")?;
        file.sync_all()?;
        Self::derive(material.as_bytes())
    }
}

fn beside(ledger: &Path) -> PathBuf {
    let mut name: OsString = ledger.as_os_str().to_owned();
    name.push(".hash-key");
    name.into()
}

fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::HashKey;

    fn pseudonym(material: &str, client: &str) -> String {
        let mut out = String::from("left over");
        HashKey::derive(material.as_bytes()).unwrap().write_pseudonym(client, &mut out);
        out
    }

    #[test]
    fn a_pseudonym_depends_on_client_and_key_alone() {
        let first = pseudonym("0123456789abcdef", "192.0.2.7");
        assert_eq!(first.len(), 17);
        assert_eq!(first, pseudonym("0123456789abcdef\n", "192.0.2.7"));
        assert_ne!(first, pseudonym("0123456789abcdeF", "192.0.2.7"));
        assert_ne!(first, pseudonym("0123456789abcdef", "192.0.2.8"));
        assert_eq!(
            pseudonym("0123456789abcdef", "2001:DB8::1"),
            pseudonym("0123456789abcdef", "2001:db8::1")
        );
    }

    #[test]
    fn short_and_endless_keys_are_refused() {
        assert!(HashKey::derive(b"too short").is_err());
        assert!(HashKey::derive(&[b'x'; 5000]).is_err());
    }

    #[test]
    fn a_created_key_is_found_again_and_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("usage.db");
        let file = Some(folder.path().join("usage.db.hash-key"));
        assert!(HashKey::obtain(file.as_deref(), &ledger).is_err(), "a named key is never made up");
        let path = super::beside(&ledger);
        let created = HashKey::create(&path).unwrap();
        assert!(HashKey::create(&path).is_err(), "a key must never be overwritten");
        assert_eq!(HashKey::read(&path).unwrap(), created);
        assert_eq!(format!("{created:?}"), "HashKey(..)");
    }
}
