//! How much memory the service takes at most, and giving back what it no longer needs.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::sleep;

use super::batcher::decoding_threads;
use super::cost::{EXPENSIVE_BYTES, expensive_memory_bytes};
use super::service::Service;
use tcolz_base::usage::{process_sizes_bytes, release_free_memory};

/// Buffers of a connection: the heads of its requests and parts, a chunk in either direction.
const CONNECTION_BYTES: u64 = 256 * 1024;
/// Code that is read from disk later, stacks, and what allocators keep for themselves.
const OTHER_BYTES: u64 = 64 << 20;
/// How often memory is given back.
const GIVING_BACK: Duration = Duration::from_secs(1);

/// The most that this process will hold, from what it holds before its first request; `None` where the system does not
/// say that.
pub(super) fn most_bytes(service: &Service) -> Option<u64> {
    let (resident, _) = process_sizes_bytes()?;
    let limits = &service.limits;
    let facts = service.facts();
    let image = 3 * u64::from(facts.size).pow(2);
    // A byte for each number while an image waits, a float32 before and after the view while it is inferred.
    let images = limits.queue_images as u64 * image + 2 * 4 * limits.batch_images as u64 * image;
    let decoding =
        expensive_memory_bytes(&facts.recipe) + decoding_threads() as u64 * EXPENSIVE_BYTES;
    let connections = limits.connections as u64 * CONNECTION_BYTES;
    Some(resident + limits.upload_bytes as u64 + decoding + images + connections + OTHER_BYTES)
}

/// Gives memory back to the system whenever the service has come to rest.
pub(super) async fn give_back(service: &Service) {
    loop {
        sleep(GIVING_BACK).await;
        let rests = service.budget.held() == 0 && service.metrics.in_hand.get() == 0;
        if rests && service.used.swap(false, Ordering::Relaxed) {
            // Others' requests are not kept waiting.
            let _ = tokio::task::spawn_blocking(release_free_memory).await;
        }
    }
}
