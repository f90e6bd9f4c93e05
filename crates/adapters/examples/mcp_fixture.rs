//! The MCP server of the tests as a program: it speaks over its own input and output, and tells what
//! happens to the address given as its first argument. A second argument, `legacy`, makes it know
//! only protocols with a handshake.

#[path = "../tests/it/tool/mcp_fixture.rs"]
mod fixture;

use rmcp::ServiceExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let log = arguments.next().ok_or("the first argument is the address of the log")?;
    let is_legacy = arguments.next().as_deref() == Some("legacy");
    #[expect(clippy::print_stderr, reason = "servers write their logs there")]
    {
        eprintln!("the fixture starts");
    }
    let fixture = fixture::Fixture::new(&log, is_legacy)?;
    let running = fixture.serve(rmcp::transport::stdio()).await?;
    running.waiting().await?;
    Ok(())
}
