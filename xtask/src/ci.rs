//! `ci`: the one command for everything. The cheap questions come first.

use crate::{lint, steps::Steps, test, workspace::Workspace};

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    lint::run(workspace, steps)?;
    test::run(workspace, steps)
}
