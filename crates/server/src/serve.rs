//! Connections: accepted, bounded, drained.
//!
//! Invariant: each connection's task is held here, so that none outlives the server and a panic in
//! one is seen. Deliberately absent: TLS, which a proxy in front ends.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::limits::{DRAIN_TIMEOUT_MS, HEADER_TIMEOUT_MS, MAX_WRITE_BUFFER_BYTES};
use crate::router::router;
use crate::stall::StallGuard;
use crate::state::AppState;

/// How long accepting pauses after the system had no room for a connection.
const ACCEPT_PAUSE_MS: u64 = 100;

/// Answers requests on `listener` until `shutdown` ends; then lets what is under way end.
///
/// Streams end only when the engine is shut down or their client leaves: shut the engine down
/// first, or at the same time.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let stopping = watch::channel(Stopping::No).0;
    let server = Server { routes: router(state.clone()), state, stopping };
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let has_room = connections.len() < server.state.limits().max_connections;
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept(), if has_room => match accepted {
                Ok((socket, _)) => server.begin(&mut connections, socket),
                Err(error) => server.accept_failed(&error).await,
            },
            Some(ended) = connections.join_next() => report(ended),
        }
    }
    drop(listener);
    server.drain(connections).await;
    Ok(())
}

struct Server {
    routes: Router,
    state: AppState,
    stopping: watch::Sender<Stopping>,
}

/// Whether connections end with what they are answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopping {
    No,
    Yes,
}

impl Server {
    fn begin(&self, connections: &mut JoinSet<()>, socket: TcpStream) {
        // Small writes (one event, one answer) must not wait for more.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection closed before it began");
            return;
        }
        let io = TokioIo::new(StallGuard::new(socket, self.state.engine().clock().clone()));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(HEADER_TIMEOUT_MS))
            .max_buf_size(MAX_WRITE_BUFFER_BYTES)
            .serve_connection(io, TowerToHyperService::new(self.routes.clone()))
            .with_upgrades();
        let mut stopping = self.stopping.subscribe();
        connections.spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                biased;
                ended = connection.as_mut() => ended,
                () = async { drop(stopping.wait_for(|stopping| *stopping == Stopping::Yes).await) } => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke off");
            }
        });
    }

    /// The system has no room (open files, memory): others end meanwhile.
    async fn accept_failed(&self, error: &io::Error) {
        tracing::warn!(%error, "a connection was not accepted");
        let clock = self.state.engine().clock();
        clock.sleep_until(clock.now_ms().saturating_add(ACCEPT_PAUSE_MS)).await;
    }

    async fn drain(self, mut connections: JoinSet<()>) {
        let clock = self.state.engine().clock();
        let deadline = clock.now_ms().saturating_add(DRAIN_TIMEOUT_MS);
        self.stopping.send_replace(Stopping::Yes);
        let ended = async { while connections.join_next().await.is_some_and(reported) {} };
        tokio::select! {
            () = ended => {}
            () = clock.sleep_until(deadline) => {
                tracing::warn!(left = connections.len(), "closing connections that did not end in time");
            }
        }
        connections.shutdown().await;
    }
}

fn reported(ended: Result<(), tokio::task::JoinError>) -> bool {
    report(ended);
    true
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked; this is a bug of mainstay");
    }
}
