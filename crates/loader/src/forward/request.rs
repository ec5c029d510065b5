//! What is asked of a disk: pure functions of where samples lie.

/// What lies between two samples is read rather than sought past, if it is no longer: a seek of 8 ms
/// takes as long as 1 MB at 120 MB/s.
pub const MAX_GAP_BYTES: u64 = 1_000_000;
/// Bytes of a shard that are read in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// Number of the shard within the split.
    pub shard: u32,
    /// First byte in the file.
    pub offset: u64,
    /// How many.
    pub length: u64,
}

/// What is read for one window of an epoch, or for a whole epoch that has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowReads {
    /// Read ahead, in this order.
    pub forward: Vec<Request>,
    /// Then one for each sample, in the order of delivery; behind reading ahead, from the cache.
    pub samples: Vec<Request>,
}

/// The requests that read these samples forward: by shard and place, neighbours in one go.
pub fn forward_requests(samples: &[Request]) -> Vec<Request> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let mut requests: Vec<Request> = Vec::new();
    for next in sorted {
        if let Some(last) = requests.last_mut() {
            let end = last.offset + last.length;
            if last.shard == next.shard && next.offset <= end + MAX_GAP_BYTES {
                last.length = end.max(next.offset + next.length) - last.offset;
                continue;
            }
        }
        requests.push(next);
    }
    requests
}

/// Where a sample's bytes lie, once its record batch is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// Its stored bytes.
    pub sample: Request,
    /// The hashes of its record batch, behind the batch's samples, where they have not been read.
    pub hashes: Option<Request>,
}

/// Takes from samples, sorted by shard and row, the first ones that can be asked for together, and says
/// what is to be read for them: the first sample, whose record batch `locate` opens if need be, and those
/// behind it up to the first one whose record batch is not open then. Nothing when no samples are left.
///
/// So the index of a record batch is read where the disk is just in front of it, behind what is wanted of
/// the batch before. Where all are open, it takes all the samples.
///
/// # Errors
/// That of `locate`.
pub fn next_requests<S: Copy, E>(
    samples: &mut std::iter::Peekable<impl Iterator<Item = S>>,
    is_open: impl Fn(S) -> bool,
    mut locate: impl FnMut(S) -> Result<Located, E>,
) -> Result<Vec<Request>, E> {
    let mut wanted = Vec::new();
    while let Some(sample) = samples.next_if(|&sample| wanted.is_empty() || is_open(sample)) {
        let Located { sample, hashes } = locate(sample)?;
        wanted.push(sample);
        wanted.extend(hashes);
    }
    Ok(forward_requests(&wanted))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use super::*;
    use crate::order::{WINDOW_BLOCKS, forward_blocks, window_ends, windowed_order};
    use crate::select::Place;

    /// Full shards of 1,200 photos of 40 to 66 kB, 64 MB each, and a short one; where each photo lies.
    fn layout(shards: u32) -> (Vec<Place>, Vec<Request>, Vec<u64>) {
        let (mut places, mut spans, mut row_bytes) = (Vec::new(), Vec::new(), Vec::new());
        for shard in 0..shards {
            let mut offset = 1000;
            let rows = if shard + 1 == shards { 30 } else { 1200 };
            for row in 0..rows {
                // Ids, labels and hashes lie between the record batches.
                offset += if row % 256 == 0 { 20_000 } else { 0 };
                let length = 40_000 + u64::from(row * 7919 + shard * 13) % 26_000;
                places.push(Place { shard, row });
                spans.push(Request { shard, offset, length });
                offset += length;
            }
            row_bytes.push(offset / u64::from(rows));
        }
        (places, spans, row_bytes)
    }

    #[test]
    fn a_window_is_read_forward_in_requests_of_more_than_4_mb_that_hold_all_its_samples() {
        let (places, spans, row_bytes) = layout(40);
        let blocks = forward_blocks(&places, &row_bytes);
        let order = windowed_order(3, 1, &blocks, WINDOW_BLOCKS);
        let ends = window_ends(3, 1, &blocks, WINDOW_BLOCKS);
        assert_eq!((*ends.last().unwrap() as usize, ends.len()), (order.len(), 8));
        let (mut requests, mut short, mut begin) = (0, 0, 0);
        for end in ends {
            let window: Vec<Request> =
                order[begin..end as usize].iter().map(|&index| spans[index as usize]).collect();
            begin = end as usize;
            let forward = forward_requests(&window);
            assert!(forward.is_sorted(), "forward");
            for sample in &window {
                let inside = |request: &&Request| {
                    request.shard == sample.shard
                        && request.offset <= sample.offset
                        && sample.offset + sample.length <= request.offset + request.length
                };
                assert_eq!(forward.iter().filter(inside).count(), 1, "each sample, once");
            }
            let wanted: u64 = window.iter().map(|sample| sample.length).sum();
            let read: u64 = forward.iter().map(|request| request.length).sum();
            assert!(read < wanted + wanted / 100, "and next to nothing else: {read} of {wanted}");
            requests += forward.len();
            short += forward.iter().filter(|request| request.length < 4_000_000).count();
        }
        // 39 shards of 3 blocks, the short one, and neighbours that lie in one window are one.
        assert!((100..=118).contains(&requests), "{requests}");
        assert_eq!(short, 1, "the short shard");
    }

    #[test]
    fn what_lies_far_apart_is_sought_and_what_lies_near_is_read_through() {
        let at = |shard, offset, length| Request { shard, offset, length };
        let samples = [
            at(1, 0, 10),
            at(0, 5_000_000, 50),
            at(0, 100, 50),
            at(0, 1_000_150, 50),
            at(0, 120, 10),
        ];
        assert_eq!(
            forward_requests(&samples),
            [at(0, 100, 1_000_100), at(0, 5_000_000, 50), at(1, 0, 10)]
        );
        assert_eq!(forward_requests(&[]), []);
    }

    /// Shards of three record batches of 100 samples of 10,000 bytes, the index in front and hashes behind.
    fn located(sample: u32, open: &BTreeSet<u32>) -> Located {
        let (shard, batch, row) = (sample / 300, u64::from(sample / 100 % 3), sample % 100);
        let first = 1000 + batch * 1_010_000;
        let at = |offset, length| Request { shard, offset, length };
        Located {
            sample: at(first + u64::from(row) * 10_000, 10_000),
            hashes: (!open.contains(&(sample / 100))).then(|| at(first + 1_000_000, 800)),
        }
    }

    /// What is read, and by number the record batches opened, in the order in which it happens; those in
    /// `known` are open.
    fn movement(samples: &[u32], known: &[u32]) -> Vec<Result<Request, u32>> {
        let known: BTreeSet<u32> = known.iter().copied().collect();
        let open = RefCell::new(known.clone());
        let opened = RefCell::new(Vec::new());
        let mut samples = samples.iter().copied().peekable();
        let mut seen = Vec::new();
        loop {
            let requests = next_requests(
                &mut samples,
                |sample| open.borrow().contains(&(sample / 100)),
                |sample| -> Result<Located, Infallible> {
                    if open.borrow_mut().insert(sample / 100) {
                        opened.borrow_mut().push(sample / 100);
                    }
                    Ok(located(sample, &known))
                },
            );
            let Ok(requests) = requests;
            assert!(opened.borrow().len() <= 1, "one at a time");
            seen.extend(opened.borrow_mut().drain(..).map(Err));
            if requests.is_empty() {
                return seen;
            }
            seen.extend(requests.into_iter().map(Ok));
        }
    }

    #[test]
    fn a_record_batch_is_opened_where_the_disk_has_come_to_it_and_what_is_open_is_read_in_one_go() {
        let at = |shard, offset, length| Request { shard, offset, length };
        let whole: Vec<u32> = (50..350).collect();
        // All new: the index, the samples with the hashes behind them, the next index.
        assert_eq!(
            movement(&whole, &[]),
            [
                Err(0),
                Ok(at(0, 501_000, 500_800)),
                Err(1),
                Ok(at(0, 1_011_000, 1_000_800)),
                Err(2),
                Ok(at(0, 2_021_000, 1_000_800)),
                Err(3),
                // The hashes lie half a batch behind these samples: so much is read through.
                Ok(at(1, 1000, 1_000_800)),
            ]
        );
        // All open: what there was before batches were opened one by one.
        let spans: Vec<Request> = whole
            .iter()
            .map(|&sample| located(sample, &BTreeSet::from([0, 1, 2, 3])).sample)
            .collect();
        let expected: Vec<_> = forward_requests(&spans).into_iter().map(Ok).collect();
        assert_eq!(movement(&whole, &[0, 1, 2, 3]), expected);
        assert_eq!(expected.len(), 2, "one for each shard");
        // What is open is read in one go with the new one in front of it.
        assert_eq!(
            movement(&whole[..250], &[0, 2]),
            [Ok(at(0, 501_000, 500_000)), Err(1), Ok(at(0, 1_011_000, 2_010_000))]
        );
        assert_eq!(movement(&[], &[]), []);
    }
}
