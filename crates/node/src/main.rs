//! The binary `ron-accounting`. All of it is in the library part, where tests can reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    ron_accounting_node::run(std::env::args_os())
}
