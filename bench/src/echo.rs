//! A server that answers at once: what a request costs on this machine when nothing is done.

use std::io::Write;

use axum::Router;
use axum::routing::post;
use tokio::net::TcpListener;

/// Serves until killed. The server under measure uses as many threads.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let served = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
            let router = Router::new().route("/", post(|body: bytes::Bytes| async move { body }));
            axum::serve(listener, router).await?;
            anyhow::Ok(())
        })
    });
    served.join().expect("serving does not panic")
}
