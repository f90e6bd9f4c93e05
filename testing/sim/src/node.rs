//! A simulated server process: an engine over its faulty way to the shared store, killed when a
//! fault says so and started again a little later.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use mainstay_core::policy::ListedTools;
use mainstay_core::port::{NoCourier, NoSeals};
use mainstay_runtime::{Engine, EngineParts, EngineSettings, NoEnvironments};
use mainstay_store::MemoryStore;
use tokio::sync::Notify;

use crate::chance::Chance;
use crate::clock::SimClock;
use crate::faults::{FaultRates, FaultyStore};
use crate::machines::Machines;
use crate::model::ScriptedModels;
use crate::world::World;

/// What all nodes of a run share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) world: World,
    pub(crate) machines: Machines,
    pub(crate) models: Arc<ScriptedModels>,
    pub(crate) clock: SimClock,
    pub(crate) chance: Chance,
    pub(crate) rates: FaultRates,
    pub(crate) quiet: Arc<AtomicBool>,
    pub(crate) node_count: usize,
}

/// One process, through its lives.
#[derive(Clone)]
pub(crate) struct Node {
    shared: Shared,
    name: Arc<str>,
    dies: Arc<Notify>,
    engine: Arc<Mutex<Option<Engine>>>,
    deaths: Arc<Mutex<u32>>,
}

impl Node {
    pub(crate) fn new(shared: &Shared, index: usize) -> Self {
        Self {
            shared: shared.clone(),
            name: format!("node{index}").into(),
            dies: Arc::default(),
            engine: Arc::default(),
            deaths: Arc::default(),
        }
    }

    /// The engine, unless the process is down.
    pub(crate) fn engine(&self) -> Option<Engine> {
        self.engine.lock().expect("no code panics while it holds the engine").clone()
    }

    /// How often it died.
    pub(crate) fn deaths(&self) -> u32 {
        *self.deaths.lock().expect("no code panics while it holds the count")
    }

    /// Kills the process at its next scheduling.
    pub(crate) fn kill(&self) {
        self.dies.notify_one();
    }

    /// Lives and dies until the run ends.
    pub(crate) async fn live(self) {
        loop {
            let engine = self.start().await;
            *self.engine.lock().expect("no code panics while it holds the engine") =
                Some(engine.clone());
            self.dies.notified().await;
            *self.engine.lock().expect("no code panics while it holds the engine") = None;
            engine.halt();
            *self.deaths.lock().expect("no code panics while it holds the count") += 1;
            self.shared.clock.pass(1 + self.shared.chance.below(500)).await;
        }
    }

    async fn start(&self) -> Engine {
        let shared = &self.shared;
        let life = self.deaths();
        let store = FaultyStore::new(
            shared.store.clone(),
            shared.chance.named(&format!("store {} {life}", self.name)),
            shared.clock,
            shared.rates,
            shared.quiet.clone(),
            self.dies.clone(),
        );
        let parts = EngineParts {
            store: Arc::new(store),
            models: shared.models.clone(),
            tools: Arc::new(shared.world.clone()),
            policy: Arc::new(ListedTools),
            clock: Arc::new(shared.clock),
            entropy: Arc::new(shared.chance.named(&format!("entropy {} {life}", self.name))),
            seals: Arc::new(NoSeals),
            courier: Arc::new(NoCourier),
            sandboxes: Arc::new(shared.machines.clone()),
            environments: Arc::new(NoEnvironments),
        };
        let settings = EngineSettings {
            // A process that starts again is somebody else to those who hold leases.
            owner: format!("{}-{life}", self.name).into(),
            lease_ms: 5_000,
            parked_cache_bytes: 16 * 1024,
            // Small, so that sessions are taken up from snapshots all the time.
            snapshot_least_bytes: 512,
            is_only_writer: shared.node_count == 1,
            sweep_ms: 250,
            recovery_batch_count: 8,
            // Few, so that checkpoints go while sessions are at work.
            kept_checkpoints: 1,
            kept_checkpoints_ms: 0,
        };
        Engine::start(parts, settings).await.expect("the memory store takes every row spec")
    }
}
