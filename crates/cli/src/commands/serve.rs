//! `mainstay serve`
//!
//! Invariant: when the line on stdout appears, the server answers and a key exists.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use mainstay_protocol::sha256_hex;
use mainstay_runtime::Engine;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use toml::Value;

use crate::config::Config;
use crate::context::{self, Context, Setting};
use crate::failure::Failure;
use crate::folder::{DataFolder, Running};
use crate::key::NewKey;
use crate::{logging, output, wire};

/// How often the address of a killed server is asked for: mounting the disk of a machine takes seconds
/// where disks are busy.
const ORPHAN_TRIES: u32 = 400;
/// How long between.
const ORPHAN_PAUSE: Duration = Duration::from_millis(25);

/// Run the server
///
/// It speaks plain HTTP and keeps everything in the data folder. Models come from the configuration
/// or from OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
When it answers, it prints one line of JSON on stdout:
  {\"url\":\"http://127.0.0.1:4242\",\"pid\":1234,\"version\":\"…\"}
The first start makes a key, prints it on stderr once, and keeps it in the file `key` of the data
folder for the command line on this machine. SIGTERM and SIGINT stop the server; what is not done
within limits.shutdown_grace_ms (5,000) goes on at the next start. A second signal stops it at once.

Examples:
  mainstay serve
  mainstay serve --data-dir /var/lib/mainstay --listen 127.0.0.1:8080
  OPENAI_API_KEY=… mainstay serve --log info,mainstay_runtime=debug")]
pub(crate) struct Arguments {
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:4242] [env:
    /// MAINSTAY_SERVER__LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

impl Arguments {
    fn settings(&self) -> Vec<Setting> {
        let listen = self.listen.map(|address| Value::String(address.to_string()));
        listen.map(|value| (&["server", "listen"] as _, value)).into_iter().collect()
    }
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config(arguments.settings())?;
    logging::start(&config.log, context.environment.is_plain())?;
    for variable in context.environment.strangers() {
        tracing::warn!("{variable} is no setting: settings are named MAINSTAY_SECTION__KEY");
    }
    context::block_on(serve(context, &config))
}

async fn serve(context: &Context, config: &Config) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    // First, because it is what fails most; who connects already waits until the server answers.
    let folder = DataFolder::new(config.data.dir.clone());
    let listener = bind(config.server.listen, &folder).await?;
    let parts = wire::engine(config, &context.environment, listener.local_addr()?).await?;
    let engine = parts.engine.clone();
    let hub = parts.hub.clone();
    make_first_key(&engine, &folder).await?;
    let running = Running {
        url: format!("http://{}", listener.local_addr()?),
        pid: std::process::id(),
        version: wire::VERSION.to_owned(),
    };
    folder.announce(&running)?;
    output::line(serde_json::to_string(&running).expect("plain members serialise"))?;
    if !wire::has_model(config) {
        tracing::warn!(
            "no model is configured, so no turn can run: set OPENAI_API_KEY, OPENAI_BASE_URL or \
             ANTHROPIC_API_KEY, or name providers in the configuration"
        );
    }
    let state = wire::app_state(config, parts);
    let (told, mut is_told) = watch::channel(false);
    let shutdown = async move {
        // The sender falls only with this command itself.
        let _ = is_told.wait_for(|told| *told).await;
    };
    let serving = mainstay_server::serve(listener, state, shutdown);
    let stopping = async {
        stop.asked().await;
        tracing::info!("stopping");
        told.send_replace(true);
        engine.shutdown(config.limits.shutdown_grace_ms).await;
    };
    let mut impatience = Stop::listen()?;
    let result = tokio::select! {
        (served, ()) = async { tokio::join!(serving, stopping) } => served,
        () = stop_now(&mut impatience) => Ok(()),
    };
    if let Some(hub) = hub {
        hub.stop().await;
    }
    folder.withdraw();
    Ok(result.context("serve")?)
}

/// Listens. The address of a server that was killed just now may be held for a moment yet by a child of
/// it that was on its way to becoming another program.
async fn bind(listen: SocketAddr, folder: &DataFolder) -> Result<TcpListener, Failure> {
    let mut tries = if folder.was_killed() { ORPHAN_TRIES } else { 0 };
    let bound = loop {
        match TcpListener::bind(listen).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse && tries > 0 => {
                if tries == ORPHAN_TRIES {
                    tracing::warn!("{listen} is still held after a crash; waiting for it");
                }
                tries -= 1;
                pause().await;
            }
            bound => break bound,
        }
    };
    bound.map_err(|error| {
        let failure = Failure::new(format!("cannot listen on {listen}: {error}"));
        match (error.kind(), folder.running()) {
            (ErrorKind::AddrInUse, Some(running)) => failure.hint(format!(
                "a server runs on this data folder already, at {} (pid {})",
                running.url, running.pid
            )),
            (ErrorKind::AddrInUse, None) => failure.hint(
                "another program listens there: stop it, or name another address with --listen; \
                 port 0 takes a free one",
            ),
            (ErrorKind::PermissionDenied, _) => {
                failure.hint("ports below 1024 need privileges: take a higher one with --listen")
            }
            _ => failure.hint("--listen names an address of this machine and a port"),
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "nothing tells that an address is free again")]
async fn pause() {
    tokio::time::sleep(ORPHAN_PAUSE).await;
}

/// The first start makes the key of this machine's command line. A start that finds it gone or
/// unknown to the store makes another: whoever owns the folder may do everything in it anyway.
async fn make_first_key(engine: &Engine, folder: &DataFolder) -> Result<(), Failure> {
    let control = engine.control();
    if let Some(secret) = folder.read_key()?
        && control.key_by_secret(&sha256_hex(secret.as_bytes())).await?.is_some()
    {
        return Ok(());
    }
    let (_, secret) = NewKey::of_operator().create(control, engine.seals().as_ref()).await?;
    folder.write_key(&secret)?;
    output::note(format!(
        "The key of this installation, shown once (the command line on this machine finds it in \
         {}):\n{secret}",
        folder.key_file().display()
    ));
    Ok(())
}

/// The wish of whoever runs this process that it ends.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> Result<Self, Failure> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Returns when asked twice: somebody does not want to wait.
async fn stop_now(stop: &mut Stop) {
    stop.asked().await;
    stop.asked().await;
    tracing::warn!("stopping at once; what was under way is taken up at the next start");
}
