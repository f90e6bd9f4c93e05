//! The scripted server as a program: prints where it is as one JSON line and serves until killed.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use mainstay_it::model_server::{State, serve};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let address: SocketAddr = match std::env::args().nth(1) {
        Some(text) => text.parse().with_context(|| format!("listen on {text:?}"))?,
        None => SocketAddr::from(([127, 0, 0, 1], 0)),
    };
    let listener = TcpListener::bind(address).await.with_context(|| format!("bind {address}"))?;
    let ready = serde_json::json!({
        "url": format!("http://{}", listener.local_addr()?),
        "pid": std::process::id(),
    });
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{ready}")?;
    stdout.flush()?;
    serve(listener, Arc::new(State::default())).await?;
    Ok(())
}
