//! Runs a plan from its goal backwards: a node asks for its inputs' products, its key follows from them, the store is
//! asked, and only what is not there is made; independent nodes side by side, at most `jobs` at once.
//!
//! A product that is only *known* (its digest recorded) suffices to compute keys; it must be *there* only when a node
//! that uses it has to run. So a finished image needs no engine to be found finished, and a cleaned engine makes no
//! work until an image of it is wanted.
//!
//! The first failure cancels the rest; all that run are waited for, so that each cleans up after itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};
use tokio::sync::{Mutex, Semaphore};

use super::cx::Cx;
use super::error::ExecError;
use super::explain::reason;
use super::ops;
use super::product::{Outcome, Product, Record};
use super::store::{LastRun, LastRuns};
use crate::base::Digest;
use crate::base::event::{Event, NodeId, NodeReporter};
use crate::plan::{Plan, Why, key};

/// What became of a node.
#[derive(Clone, Debug)]
pub struct NodeResult {
    pub outcome: Arc<Outcome>,
    /// How long it ran; nothing when it did not.
    pub ran: Option<Duration>,
    /// How long the work took when it was done, now or in the run that filled the cache.
    pub took: Duration,
}

/// The results of all nodes that the goal needed.
pub type Results = BTreeMap<NodeId, NodeResult>;

/// Makes `goals` and what they need. Gives the results of all nodes asked for, or the first failure.
pub async fn run(plan: &Plan, goals: &[NodeId], cx: &Cx) -> Result<Results, ExecError> {
    let started = Instant::now();
    let work = plan.needed(goals).into_iter().filter(|id| !plan.node(*id).op.is_pure());
    cx.sink.emit(Event::RunStarted { total: work.count() });
    let run = Run {
        plan,
        cx,
        states: plan.nodes().map(|_| Mutex::new(State::default())).collect(),
        permits: Semaphore::new(cx.jobs.max(1)),
        failure: std::sync::Mutex::new(None),
        last: cx.store.last_runs(&cx.model.disk.path),
    };
    let made = join_all(goals.iter().map(|goal| run.produce(*goal, true))).await;
    let done = made.iter().all(Option::is_some);
    cx.sink.emit(Event::RunFinished { took: started.elapsed() });
    let whole = plan.goal().is_some_and(|goal| goals.contains(&goal));
    let results = run.finish(done && whole).await;
    if done {
        return results;
    }
    // what stopped the run comes first: where the disk is full, what is remembered of it cannot be written either
    let failure = run.failure.into_inner().expect("no thread panicked with the lock");
    Err(failure.unwrap_or(ExecError::Cancelled))
}

#[derive(Default)]
struct State {
    outcome: Option<Arc<Outcome>>,
    /// The key, and the inputs it was computed from; nothing for pure ops.
    key: Option<(Digest, Vec<(String, Digest)>)>,
    /// Whether the product is known to be there.
    there: bool,
    ran: Option<Duration>,
    took: Duration,
}

struct Run<'a> {
    plan: &'a Plan,
    cx: &'a Cx,
    states: Vec<Mutex<State>>,
    permits: Semaphore,
    failure: std::sync::Mutex<Option<ExecError>>,
    last: LastRuns,
}

/// The outcome, or nothing when the run is failing: the failure itself is kept in [`Run::failure`].
type Made = Option<Arc<Outcome>>;

impl Run<'_> {
    /// A node's outcome; with `there`, its product is there to be used.
    fn produce(&self, id: NodeId, there: bool) -> BoxFuture<'_, Made> {
        Box::pin(async move {
            // a node's lock is held while its inputs are asked for; inputs never ask for their users, so no cycle of
            // waiting can form
            let mut state = self.states[id.0].lock().await;
            if state.outcome.is_none() {
                self.settle(id, &mut state).await?;
            }
            if there && !state.there {
                let outcome = state.outcome.clone()?;
                if self.is_there(&outcome.product).await? {
                    state.there = true;
                } else {
                    let why = match outcome.product {
                        Product::File(_) => Why::OutputGone,
                        _ => Why::ProductGone,
                    };
                    self.make(id, &mut state, why).await?;
                }
            }
            state.outcome.clone()
        })
    }

    /// Finds a node's outcome in the store, or makes it.
    async fn settle(&self, id: NodeId, state: &mut State) -> Option<()> {
        let op = &self.plan.node(id).op;
        let inputs = self.inputs(id, false).await?;
        if op.is_pure() {
            let outcome = self.caught(ops::pure::compute(op, &inputs, self.cx))?;
            state.outcome = Some(Arc::new(outcome));
            state.there = true;
            return Some(());
        }
        let (key, contents) = self.key(id, &inputs);
        if self.cx.refresh.contains(&id) {
            return self.make(id, state, Why::Refresh).await;
        }
        if let Some(record) = self.cx.store.lookup(&key) {
            self.cx.sink.emit(Event::NodeCached { node: id, label: op.label() });
            state.outcome = Some(Arc::new(record.outcome));
            state.took = record.took;
            state.key = Some((key, contents));
            return Some(());
        }
        let why = reason(self.last.get(&op.label()), &key::definition(op), &contents);
        self.make(id, state, why).await
    }

    /// Does a node's work, with every input's product there.
    async fn make(&self, id: NodeId, state: &mut State, why: Why) -> Option<()> {
        let op = &self.plan.node(id).op;
        let inputs = self.inputs(id, true).await?;
        let (key, contents) = self.key(id, &inputs);
        let permit = tokio::select! {
            permit = self.permits.acquire() => permit.expect("the semaphore is never closed"),
            () = self.cx.cancel.cancelled() => return None,
        };
        if self.cx.cancel.is_cancelled() {
            return None;
        }
        let label = op.label();
        self.cx.sink.emit(Event::NodeStarted { node: id, label: label.clone(), why: why.to_string() });
        let started = Instant::now();
        let reporter = NodeReporter::new(id, self.cx.sink.clone());
        let work =
            ops::Work { inputs: &inputs, key, fresh: why == Why::Refresh, reporter: &reporter, cx: self.cx };
        // work that is stopped may see that as a failure of what it reads or runs
        let stopped = |error| if self.cx.cancel.is_cancelled() { ExecError::Cancelled } else { error };
        let made = ops::execute(op, &work).await.map_err(stopped);
        drop(permit);
        let took = started.elapsed();
        if made.as_ref().is_err_and(|e| !matches!(e, ExecError::Cancelled)) {
            self.cx.sink.emit(Event::NodeFailed { node: id, label: label.clone() });
        }
        let outcome = self.caught(made)?;
        let record = Record { label: label.clone(), outcome, took };
        let written = self.cx.store.record(&key, &record);
        self.caught(written.map_err(|e| ExecError::failed("writing to the cache", e)))?;
        self.cx.sink.emit(Event::NodeFinished { node: id, label, took });
        *state = State {
            outcome: Some(Arc::new(record.outcome)),
            key: Some((key, contents)),
            there: true,
            ran: Some(took),
            took,
        };
        Some(())
    }

    async fn inputs(&self, id: NodeId, there: bool) -> Option<Vec<Arc<Outcome>>> {
        join_all(self.plan.inputs(id).into_iter().map(|i| self.produce(i, there))).await.into_iter().collect()
    }

    fn key(&self, id: NodeId, inputs: &[Arc<Outcome>]) -> (Digest, Vec<(String, Digest)>) {
        let contents: Vec<(String, Digest)> = self
            .plan
            .inputs(id)
            .iter()
            .zip(inputs)
            .map(|(input, outcome)| (self.plan.node(*input).op.label(), outcome.product.content()))
            .collect();
        let digests: Vec<Digest> = contents.iter().map(|(_, d)| *d).collect();
        (key::key(&self.plan.node(id).op, &digests), contents)
    }

    async fn is_there(&self, product: &Product) -> Option<bool> {
        let there = is_there(product, self.cx).await;
        self.caught(there)
    }

    /// Keeps the first failure and stops everything else.
    fn caught<T>(&self, result: Result<T, ExecError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let mut failure = self.failure.lock().expect("no thread panicked with the lock");
                if failure.is_none() && !matches!(error, ExecError::Cancelled) {
                    *failure = Some(error);
                }
                self.cx.cancel.cancel();
                None
            }
        }
    }

    /// Remembers what ran, for the next run's reasons, and drops what no run needs any more.
    async fn finish(&self, complete: bool) -> Result<Results, ExecError> {
        let mut results = Results::new();
        let mut runs = if complete { LastRuns::new() } else { self.last.clone() };
        for (id, node) in self.plan.nodes() {
            let state = self.states[id.0].lock().await;
            let Some(outcome) = state.outcome.clone() else { continue };
            results.insert(id, NodeResult { outcome, ran: state.ran, took: state.took });
            let Some((key, inputs)) = state.key.clone() else { continue };
            let label = node.op.label();
            let previous = self
                .last
                .get(&label)
                .and_then(|last| if last.key == key { last.previous } else { Some(last.key) });
            runs.insert(label, LastRun { definition: key::definition(&node.op), inputs, key, previous });
        }
        let store = &self.cx.store;
        let failed = |e| ExecError::failed("writing to the cache", e);
        store.save_last_runs(&self.cx.model.disk.path, &runs).map_err(failed)?;
        if complete && results.values().any(|r| r.ran.is_some()) {
            store.collect().map_err(failed)?;
        }
        Ok(results)
    }
}

/// Whether a recorded product can be used: the image is in the engine, the object in the store, the file as written.
pub async fn is_there(product: &Product, cx: &Cx) -> Result<bool, ExecError> {
    match product {
        Product::Value(_) => Ok(true),
        Product::Object(digest) => Ok(cx.store.has(digest)),
        Product::Image(id) => {
            let found = cx.engine().await?.image(&id.0).await.map_err(super::cx::engine_error)?;
            Ok(found.is_some())
        }
        Product::File(file) => Ok(file.is_there()),
    }
}
