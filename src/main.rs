//! The `sealtrail` program: parse, run, exit code.

fn main() -> std::process::ExitCode {
    sealtrail::cli::main()
}
