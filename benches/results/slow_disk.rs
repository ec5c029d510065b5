//! A disk that seeks, with a cache in front of it: nothing is read, the time is added up.

use std::collections::{HashMap, VecDeque};

use tcolz_loader::forward::Request;

/// Bytes a second of a disk that need not seek.
pub(crate) const BYTES_PER_SECOND: f64 = 120e6;
/// To go to another place.
pub(crate) const SEEK_SECONDS: f64 = 0.008;
/// What is cached and thrown out at a time.
const PAGE_BYTES: u64 = 65_536;

/// The disk, and what the system has cached of it: the pages used last.
pub(crate) struct SlowDisk {
    pages: usize,
    /// When a page was used last.
    used: HashMap<(u32, u64), u64>,
    /// Uses in order; one that is not a page's last is passed over.
    uses: VecDeque<((u32, u64), u64)>,
    clock: u64,
    /// Where the head stands: shard and byte.
    head: (u32, u64),
    pub(crate) seeks: u64,
    pub(crate) bytes: u64,
}

impl SlowDisk {
    pub(crate) fn new(cache_bytes: u64) -> SlowDisk {
        SlowDisk {
            pages: (cache_bytes / PAGE_BYTES).max(1) as usize,
            used: HashMap::new(),
            uses: VecDeque::new(),
            clock: 0,
            head: (u32::MAX, 0),
            seeks: 0,
            bytes: 0,
        }
    }

    /// Reads what is not cached, page by page; seconds.
    pub(crate) fn read(&mut self, request: Request) -> f64 {
        let Request { shard, offset, length } = request;
        let mut seconds = 0.0;
        for page in offset / PAGE_BYTES..(offset + length).div_ceil(PAGE_BYTES) {
            if !self.touch((shard, page)) {
                if self.head != (shard, page * PAGE_BYTES) {
                    self.seeks += 1;
                    seconds += SEEK_SECONDS;
                }
                self.bytes += PAGE_BYTES;
                seconds += PAGE_BYTES as f64 / BYTES_PER_SECOND;
                self.head = (shard, (page + 1) * PAGE_BYTES);
            }
        }
        seconds
    }

    /// Whether the page is cached; afterwards it is.
    fn touch(&mut self, page: (u32, u64)) -> bool {
        self.clock += 1;
        let cached = self.used.insert(page, self.clock).is_some();
        self.uses.push_back((page, self.clock));
        while self.used.len() > self.pages {
            let Some((oldest, at)) = self.uses.pop_front() else { break };
            if self.used.get(&oldest) == Some(&at) {
                self.used.remove(&oldest);
            }
        }
        cached
    }
}

/// Tests the disk on reads whose time is known.
pub(crate) fn check() {
    let mut disk = SlowDisk::new(4 * PAGE_BYTES);
    let at = |page: u64, pages: u64| Request {
        shard: 0,
        offset: page * PAGE_BYTES,
        length: pages * PAGE_BYTES,
    };
    let mut costs = |request, seeks: f64, pages: f64| {
        let expected = seeks * SEEK_SECONDS + pages * PAGE_BYTES as f64 / BYTES_PER_SECOND;
        let found = disk.read(request);
        assert!((found - expected).abs() < 1e-9, "{request:?}: {found} s, not {expected} s");
    };
    costs(at(0, 2), 1.0, 2.0);
    costs(at(2, 1), 0.0, 1.0); // where the head stands
    costs(at(0, 3), 0.0, 0.0); // cached
    costs(at(9, 2), 1.0, 2.0); // page 0 goes
    costs(at(1, 1), 0.0, 0.0);
    costs(at(0, 1), 1.0, 1.0); // page 2 goes
    costs(at(2, 1), 1.0, 1.0);
}
