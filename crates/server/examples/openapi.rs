//! Prints the document of the HTTP surface as the code has it, for `cargo xtask openapi`.
#![expect(clippy::print_stdout, reason = "a program of one line of output speaks so")]

fn main() {
    print!("{}", mainstay_server::openapi_document());
}
