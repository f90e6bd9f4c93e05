//! The quickstart from beginning to end.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use mainstay_client::{Client, Follower};
use mainstay_core::port::Clock;
use mainstay_protocol::Entry;
use mainstay_runtime::SystemClock;
use serde_json::json;

use super::billing::Billing;
use super::check::{self, Evidence};
use super::display::{Display, Tone};
use super::farewell::Next;
use super::model::{self, Choice, Wish};
use super::prepare;
use super::process::{Launch, Server};
use super::record;
use super::task::{self, MESSAGE, NUDGE, Task};
use super::watch::{self, Stopped, Watch};
use crate::context::Context;
use crate::failure::Failure;
use crate::folder::DataFolder;
use crate::journal::{self, Chain, Source};

/// How often the agent is reminded of what it was asked.
const MAX_NUDGES: usize = 2;

/// What the user says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// The data folder; a fresh one when none.
    pub(crate) folder: Option<PathBuf>,
    /// The model.
    pub(crate) model: Option<String>,
    /// Play the recording.
    pub(crate) replay: bool,
    /// Keep the server running until ^C.
    pub(crate) stay: Option<bool>,
    /// Make another invoice the overdue one.
    pub(crate) variant: Option<usize>,
    /// Where to write what the model answered, as the recording that a replay plays.
    pub(crate) record: Option<PathBuf>,
}

/// Runs the quickstart.
pub(crate) async fn run(context: &Context, options: &Options) -> Result<(), Failure> {
    let mut display = Display::new(&context.environment);
    let config = context.config(Vec::new())?;
    let wish = Wish { model: options.model.clone(), replay: options.replay };
    let choice = model::choose(&config, &context.environment, &wish, &mut display).await?;
    display.line(Tone::Heading, "Mainstay quickstart")?;
    let folder = prepare::folder(&config, options.folder.as_deref())?;
    let task = Task::new(options.variant)?;
    let (listener, address) = Billing::bind().await?;
    let billing = Billing::new(folder.join("outbox.jsonl"));
    let config_file = prepare::write(&config, &folder, &task, &choice, address)?;
    let mut story = Story {
        launch: Launch::new(&folder, config_file, &context.environment)?,
        billing: billing.clone(),
        billing_address: address,
        folder: DataFolder::new(folder),
        task,
        choice,
        display,
        stay: options.stay,
        record: options.record.clone(),
    };
    tokio::select! {
        told = story.tell() => told,
        failed = billing.serve(listener) => Ok(failed?),
    }
}

struct Story {
    launch: Launch,
    billing: Billing,
    billing_address: SocketAddr,
    folder: DataFolder,
    task: Task,
    choice: Choice,
    display: Display,
    stay: Option<bool>,
    record: Option<PathBuf>,
}

/// A session on its way.
struct Begun {
    server: Server,
    client: Client,
    agent: String,
    session: String,
    watch: Watch,
}

impl Story {
    async fn tell(&mut self) -> Result<(), Failure> {
        let mut begun = self.begin().await?;
        self.reach_the_effect(&mut begun).await?;
        let at = begun.watch.at();
        let listen = begun.server.listen();
        let pid = begun.server.running.pid;
        self.display.rest()?;
        self.display.heading(&format!(
            "The reminder has just gone out; its answer is on the way. kill -9 {pid}"
        ))?;
        begun.server.kill().await?;
        let killed_at_ms = SystemClock.now_ms();
        self.billing.release();
        let server = self.launch.start(Some(&listen)).await?;
        self.started(&server)?;
        begun.client = self.client(&server)?;
        begun.watch.move_to(begun.client.clone());
        begun.server = server;
        self.display.line(Tone::Plain, &format!("  following the session behind event {at}"))?;
        self.reach_the_answer(&mut begun).await?;
        self.conclude(begun, killed_at_ms).await
    }

    /// Starts everything and says what is to be done.
    async fn begin(&mut self) -> Result<Begun, Failure> {
        let path = self.folder.path().display().to_string();
        self.display.line(Tone::Plain, &format!("  data     {path}"))?;
        self.display.line(Tone::Plain, &format!("  model    {}", self.choice.label))?;
        let as_configured = None;
        let server = self.launch.start(as_configured).await?;
        self.started(&server)?;
        let client = self.client(&server)?;
        let billing = format!("http://{}", self.billing_address);
        let agent = task::agent(&self.choice.name, &billing);
        let agent = client.create_agent(&agent).await?.id;
        let params = json!({"agent_id": agent, "environment": {"type": "none"}});
        let session = client.create_session(&params).await?.id;
        self.display.line(Tone::Plain, &format!("  session  {session}"))?;
        let from_the_beginning = Some(0);
        let follower = client.follow(&session, from_the_beginning).await?;
        self.display.heading(&format!("You: {MESSAGE}"))?;
        send(&client, &session, MESSAGE).await?;
        self.display.status("the model reads")?;
        Ok(Begun { server, client, agent, session, watch: Watch::new(follower) })
    }

    /// Watches until the first reminder is out.
    async fn reach_the_effect(&mut self, begun: &mut Begun) -> Result<(), Failure> {
        for _ in 0..=MAX_NUDGES {
            let stopped = begun.watch.until(self.billing.held(), &mut self.display).await?;
            match stopped {
                Stopped::Interrupted => return Ok(()),
                Stopped::Waits => break,
                Stopped::Rests { turn } if turn != "completed" => break,
                Stopped::Rests { .. } => {
                    self.display.heading(&format!("You: {NUDGE}"))?;
                    send(&begun.client, &begun.session, NUDGE).await?;
                }
            }
        }
        let message = "the model did not send the reminder, so there was nothing to interrupt";
        Err(Failure::new(message)
            .hint("try again, or with another model: `--model`, OPENAI_API_KEY"))
    }

    async fn reach_the_answer(&mut self, begun: &mut Begun) -> Result<(), Failure> {
        self.display.status("the model reads")?;
        let forever = std::future::pending();
        match begun.watch.until(forever, &mut self.display).await? {
            Stopped::Rests { .. } | Stopped::Interrupted => Ok(()),
            Stopped::Waits => Err(Failure::new("the session waits for a person")),
        }
    }

    /// Shows the proof, and what can be done next.
    async fn conclude(&mut self, begun: Begun, killed_at_ms: u64) -> Result<(), Failure> {
        let mut entries = Vec::new();
        let mut chain = Chain::new();
        let source = Source::Server(begun.client.clone());
        let read = source.read(&begun.session, |entry| {
            chain.push(&entry).map_err(|error| Failure::new(error.to_string()))?;
            entries.push(entry);
            Ok(())
        });
        read.await?;
        self.display.heading("The session's journal")?;
        self.display.line(Tone::Plain, journal::timeline(&entries).trim_end())?;
        if let Some(file) = &self.record {
            record::write(file, &self.choice.name, &entries)?;
        }
        let head = chain.head();
        self.display.heading("Checks")?;
        let verified = format!("hash chain verified: {} entries, head {}", head.seq, head.hash);
        self.finding(true, &verified)?;
        let holds = self.check(&begun, &entries, killed_at_ms).await?;
        if !holds {
            begun.server.stop().await?;
            return Err(Failure::new("a promise did not hold; this is a bug of mainstay")
                .hint(format!("the data is in {}", self.folder.path().display())));
        }
        self.part(begun).await
    }

    async fn check(
        &mut self,
        begun: &Begun,
        entries: &[Entry],
        killed_at_ms: u64,
    ) -> Result<bool, Failure> {
        let from_the_beginning = Some(0);
        let again = begun.client.follow(&begun.session, from_the_beginning).await?;
        let replayed = replay(again, begun.watch.at()).await?;
        let sent = self.billing.sent();
        let evidence = Evidence {
            entries,
            killed_at_ms,
            seen: &begun.watch.seen,
            replayed: &replayed,
            sent: &sent,
            right: &self.task.right,
        };
        let (promises, work) = (check::promises(&evidence), check::work(&evidence));
        let mut holds = true;
        for finding in promises {
            holds &= finding.holds;
            self.finding(finding.holds, &finding.text)?;
        }
        self.finding(work.holds, &work.text)?;
        if !work.holds {
            let note =
                "    (that is the model's mistake, not the runtime's: a larger one makes fewer)";
            self.display.line(Tone::Quiet, note)?;
        }
        Ok(holds)
    }

    /// Leaves the server to whoever sits there, or stops it and says how to start it.
    async fn part(&mut self, begun: Begun) -> Result<(), Failure> {
        let program = self.launch.program.clone();
        let config = self.launch.config.clone();
        let next = Next {
            program: &program,
            folder: self.folder.path(),
            config: &config,
            url: &begun.server.running.url,
            agent: &begun.agent,
            session: &begun.session,
        };
        let serve = next.serve();
        if !self.stay.unwrap_or_else(|| self.display.is_live()) {
            next.show(&mut self.display)?;
            self.display.line(Tone::Quiet, "# after starting the server again with")?;
            self.display.command(&serve)?;
            return Ok(begun.server.stop().await?);
        }
        next.show(&mut self.display)?;
        self.display.heading("The server runs until you press ^C. Start it again later with:")?;
        self.display.command(&serve)?;
        tokio::signal::ctrl_c().await?;
        self.display.line(Tone::Plain, "")?;
        Ok(begun.server.stop().await?)
    }

    fn started(&mut self, server: &Server) -> Result<(), Failure> {
        let running = &server.running;
        let text = format!(
            "  server   {}  (pid {}, answered after {} ms)",
            running.url, running.pid, server.started_in_ms
        );
        Ok(self.display.line(Tone::Plain, &text)?)
    }

    fn finding(&mut self, holds: bool, text: &str) -> Result<(), Failure> {
        let (tone, sign) = if holds { (Tone::Good, "✓") } else { (Tone::Bad, "✗") };
        Ok(self.display.line(tone, &format!("  {sign} {text}"))?)
    }

    fn client(&self, server: &Server) -> Result<Client, Failure> {
        let key = self.folder.read_key()?.context("the server made no key")?;
        Ok(Client::new(&server.running.url, &key)?)
    }
}

async fn send(client: &Client, session: &str, text: &str) -> Result<(), Failure> {
    let input = mainstay_client::message_input(text);
    let no_key = None;
    Ok(client.send_inputs(session, &[input], no_key).await?)
}

/// The ids of the milestones up to this place.
async fn replay(mut follower: Follower, until: u64) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    while follower.at().unwrap_or_default() < until {
        let event = follower.next().await?;
        if watch::is_milestone(&event) {
            ids.push(event.event_id);
        }
    }
    Ok(ids)
}
