//! Who holds a place, and who has to give one up when they are scarce.
//!
//! Every connection has a place. While there are enough nobody is disturbed. When they run out, a connection has to go for
//! each new one: one that is being closed anyway, else one from which no request is at hand (silent since it connected, still
//! sending its head, or idle between two requests), else one whose body is still arriving. A whole request is never given
//! up. Of several, the oldest of the client with the most goes: a client that opens a thousand connections closes its own,
//! and where all come through one proxy it is simply the oldest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::client::Client;

/// Time that a body may arrive undisturbed by others of its own client. Ordinary ones are there by then.
const PATIENCE: Duration = Duration::from_secs(2);
/// Time for a connection to end that was given up; then another one is.
const RETRY: Duration = Duration::from_millis(20);

/// What a connection does, those first that are given up first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is answered and being closed.
    Leaving,
    /// No request is at hand.
    Silent,
    /// The head of a request is there, its body is arriving.
    Arriving,
    /// A request is being answered.
    Answering,
}

struct Holder {
    client: Client,
    stage: Stage,
    since: Instant,
    /// Bytes of the body that is arriving.
    body_bytes: usize,
    given_up: bool,
    told: Arc<Notify>,
}

/// All places.
pub(super) struct Places {
    free: Arc<Semaphore>,
    holders: Mutex<Holders>,
}

#[derive(Default)]
struct Holders {
    by_number: HashMap<u64, Holder>,
    next: u64,
}

/// A connection's place; free again when it is dropped.
pub(super) struct Place {
    pub(super) client: Client,
    number: u64,
    places: Arc<Places>,
    told: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(connections: usize) -> Arc<Places> {
        Arc::new(Places { free: Arc::new(Semaphore::new(connections)), holders: Mutex::default() })
    }

    fn holders(&self) -> MutexGuard<'_, Holders> {
        // Nothing that can panic runs while it is held.
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place, which others give up for it where that is needed.
    pub(super) async fn take(self: &Arc<Places>, client: Client) -> Place {
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                break permit;
            }
            self.holders().make_room(client);
            let freed = timeout(RETRY, Arc::clone(&self.free).acquire_owned()).await;
            // The semaphore is never closed.
            if let Ok(Ok(permit)) = freed {
                break permit;
            }
        };
        let told = Arc::new(Notify::new());
        let holder = Holder {
            client,
            stage: Stage::Silent,
            since: Instant::now(),
            body_bytes: 0,
            given_up: false,
            told: Arc::clone(&told),
        };
        let mut holders = self.holders();
        let number = holders.next;
        holders.next += 1;
        holders.by_number.insert(number, holder);
        drop(holders);
        Place { client, number, places: Arc::clone(self), told, _permit: permit }
    }

    /// Ends what no request is at hand from: the service is being stopped.
    pub(super) fn dismiss_silent(&self) {
        for holder in self.holders().by_number.values_mut() {
            if matches!(holder.stage, Stage::Silent | Stage::Leaving) {
                holder.give_up();
            }
        }
    }
}

impl Holder {
    fn give_up(&mut self) {
        self.given_up = true;
        self.told.notify_waiters();
    }

    /// Whether it may go for one more of this client.
    fn yields_to(&self, client: Client) -> bool {
        self.client != client || self.since.elapsed() >= PATIENCE
    }
}

impl Holders {
    fn make_room(&mut self, client: Client) {
        let one = |_: &Holder| 1;
        let found = self
            .heaviest(Stage::Leaving, one)
            .or_else(|| self.heaviest(Stage::Silent, one))
            .or_else(|| {
                let arriving = self.heaviest(Stage::Arriving, one)?;
                self.by_number[&arriving].yields_to(client).then_some(arriving)
            });
        if let Some(holder) = found.and_then(|number| self.by_number.get_mut(&number)) {
            holder.give_up();
        }
    }

    /// Of the connections in a stage, the oldest of the client whose ones weigh the most together. Those without weight do
    /// not count.
    fn heaviest(&self, stage: Stage, weight: impl Fn(&Holder) -> usize) -> Option<u64> {
        let counts =
            |holder: &Holder| holder.stage == stage && !holder.given_up && weight(holder) > 0;
        let in_stage = || self.by_number.iter().filter(|(_, holder)| counts(holder));
        let mut weights: HashMap<Client, usize> = HashMap::new();
        for (_, holder) in in_stage() {
            *weights.entry(holder.client).or_default() += weight(holder);
        }
        let most = weights.values().copied().max()?;
        let heaviest = in_stage().filter(|(_, holder)| weights[&holder.client] == most);
        // Numbers are given in the order of arrival.
        heaviest.min_by_key(|(number, holder)| (holder.since, **number)).map(|(number, _)| *number)
    }
}

impl Place {
    /// Says what the connection does now. False where it was given up before: it should end.
    pub(super) fn enter(&self, stage: Stage) -> bool {
        let mut holders = self.places.holders();
        let Some(holder) = holders.by_number.get_mut(&self.number) else { return false };
        (holder.stage, holder.since, holder.body_bytes) = (stage, Instant::now(), 0);
        !std::mem::take(&mut holder.given_up)
    }

    /// Waits until the connection is given up in this stage.
    pub(super) async fn given_up(&self, stage: Stage) {
        loop {
            // Made before looking: it is woken by whatever happens from here on.
            let told = self.told.notified();
            let given_up = self
                .places
                .holders()
                .by_number
                .get(&self.number)
                .is_some_and(|holder| holder.given_up && holder.stage == stage);
            if given_up {
                return;
            }
            told.await;
        }
    }

    /// Counts bytes of the body that is arriving.
    pub(super) fn arrived(&self, bytes: usize) {
        if let Some(holder) = self.places.holders().by_number.get_mut(&self.number) {
            holder.body_bytes += bytes;
        }
    }

    /// Gives up the oldest upload of the client that has sent the most, if that is another one's or slow. Whether there
    /// was one.
    pub(super) fn give_up_an_upload(&self) -> bool {
        let mut holders = self.places.holders();
        let found = holders
            .heaviest(Stage::Arriving, |holder| holder.body_bytes)
            .filter(|number| *number != self.number);
        let Some(holder) = found.and_then(|number| holders.by_number.get_mut(&number)) else {
            return false;
        };
        let yields = holder.yields_to(self.client);
        if yields {
            holder.give_up();
        }
        yields
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.holders().by_number.remove(&self.number);
    }
}
