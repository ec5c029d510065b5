//! What the dump holds, before a pixel is drawn: tweets, their photos, and the lines of the lists.

use super::draw::SplitMix64;
use super::oddity::Oddity;

/// Classes of the demo, indexed by label.
pub const CLASSES: [&str; 3] = ["negative", "neutral", "positive"];

/// Splits of the demo, in the order of [`DemoDump::lists`](super::DemoDump::lists).
pub const SPLITS: [&str; 3] = ["train", "val", "test"];

/// Seed of everything but the pictures.
const SEED: u64 = 0x7434_7361;

/// Ids of tweets of October 2016, far above 2^53: floating point cannot tell neighbours apart.
const FIRST_ID: u64 = 784_000_000_000_000_000;
/// Ids between a tweet and the next but for a random part, so that about nine share a folder.
const ID_STEP: u64 = 1_100_000_000_000;
const ID_JITTER: u64 = 1_000_000_000_000;

/// How many photos tweets have: most one, few four.
const PHOTOS_A_TWEET: [u32; 10] = [1, 1, 1, 1, 1, 1, 2, 2, 3, 4];

/// A tweet with photos in the dump.
#[derive(Debug)]
pub(super) struct Tweet {
    pub(super) id: u64,
    pub(super) class: usize,
    /// Index into [`SPLITS`]. All photos of a tweet are of one split.
    split: usize,
    photos: u32,
}

/// A file to be written.
#[derive(Debug)]
pub(super) struct PlannedFile {
    pub(super) sample_id: String,
    pub(super) class: usize,
    /// `None` for an ordinary photo.
    pub(super) oddity: Option<Oddity>,
}

/// A line of a list.
#[derive(Debug, Clone)]
pub(super) struct PlannedLine {
    pub(super) sample_id: String,
    pub(super) label: usize,
    pub(super) oddity: Option<Oddity>,
}

/// The whole dump.
#[derive(Debug)]
pub(super) struct Plan {
    /// By id; the last ones hold an odd photo each.
    pub(super) tweets: Vec<Tweet>,
    /// Ordinary photos by tweet id, then odd ones.
    pub(super) files: Vec<PlannedFile>,
    /// For each of [`SPLITS`]: the lines of its list.
    pub(super) lists: [Vec<PlannedLine>; SPLITS.len()],
}

impl Plan {
    /// Plans `photos` ordinary photos, a third of each class, and one line of every oddity.
    pub(super) fn new(photos: u32) -> Plan {
        let mut random = SplitMix64(SEED);
        let mut tweets = tweets(&mut random, photos);
        let mut files = Vec::new();
        let mut lists: [Vec<PlannedLine>; SPLITS.len()] = Default::default();
        for tweet in &tweets {
            for number in 1..=tweet.photos {
                let (sample_id, class) = (sample_id(tweet.id, number), tweet.class);
                let line = PlannedLine { sample_id: sample_id.clone(), label: class, oddity: None };
                lists[tweet.split].push(line);
                files.push(PlannedFile { sample_id, class, oddity: None });
            }
        }
        let train = lists[0].clone();
        let mut second_lines = Vec::new();
        for (number, oddity) in Oddity::ALL.into_iter().enumerate() {
            let (class, split) = (number % CLASSES.len(), split_of(oddity));
            let line = if oddity.is_second_line() {
                let first = train[number % train.len()].clone();
                let others = usize::from(oddity == Oddity::LabelConflict);
                let label = (first.label + others) % CLASSES.len();
                PlannedLine { label, oddity: Some(oddity), ..first }
            } else {
                let id = tweet_id(&mut random, tweets.len());
                tweets.push(Tweet { id, class, split, photos: 1 });
                let sample_id = sample_id(id, 1);
                let file =
                    PlannedFile { sample_id: sample_id.clone(), class, oddity: Some(oddity) };
                files.push(file);
                let label = if oddity == Oddity::UnknownLabel { 7 } else { class };
                PlannedLine { sample_id, label, oddity: Some(oddity) }
            };
            match oddity {
                Oddity::DuplicateLine | Oddity::LabelConflict => second_lines.push(line),
                _ => lists[split].push(line),
            }
        }
        for list in &mut lists {
            random.shuffle(list);
        }
        // At the end, because the first line of a photo is the one that counts.
        lists[0].extend(second_lines);
        Plan { tweets, files, lists }
    }

    /// `t4sa_text_sentiment.tsv`: what the texts of the tweets say, and of some tweets without photos.
    pub(super) fn text_sentiment(&self) -> String {
        let mut random = SplitMix64(SEED + 1);
        let mut text = String::from("TWID\tNEG\tNEU\tPOS\n");
        for (number, tweet) in self.tweets.iter().enumerate() {
            let row = scores(&mut random, tweet.class);
            text.push_str(&format!("{}\t{row}\n", tweet.id));
            if number % 4 == 0 {
                // Between this tweet and the next, whatever their random parts.
                let other = FIRST_ID
                    + number as u64 * ID_STEP
                    + ID_JITTER
                    + random.below(ID_STEP - ID_JITTER);
                let class = random.below(CLASSES.len() as u64) as usize;
                let row = scores(&mut random, class);
                text.push_str(&format!("{other}\t{row}\n"));
            }
        }
        text
    }
}

/// Tweets with `photos` photos in all: classes of equal size (as far as they can be), 80 % of each for
/// training and 10 % each for validation and test, ids that say nothing of either.
fn tweets(random: &mut SplitMix64, photos: u32) -> Vec<Tweet> {
    let mut tweets = Vec::new();
    let classes = CLASSES.len() as u32;
    for class in 0..classes {
        let of_class = photos / classes + u32::from(class < photos % classes);
        let held_out = (of_class / 10).max(u32::from(of_class >= 3));
        for (split, count) in [of_class - 2 * held_out, held_out, held_out].into_iter().enumerate()
        {
            let mut left = count;
            while left > 0 {
                let kind = random.below(PHOTOS_A_TWEET.len() as u64) as usize;
                let photos = PHOTOS_A_TWEET[kind].min(left);
                tweets.push(Tweet { id: 0, class: class as usize, split, photos });
                left -= photos;
            }
        }
    }
    random.shuffle(&mut tweets);
    for (number, tweet) in tweets.iter_mut().enumerate() {
        tweet.id = tweet_id(random, number);
    }
    tweets
}

fn tweet_id(random: &mut SplitMix64, number: usize) -> u64 {
    FIRST_ID + number as u64 * ID_STEP + random.below(ID_JITTER)
}

fn sample_id(tweet: u64, photo: u32) -> String {
    let id = tweet.to_string();
    format!("data/{}/{id}-{photo}.jpg", &id[..5])
}

/// The list that holds an odd line, as an index into [`SPLITS`]: every list has some.
fn split_of(oddity: Oddity) -> usize {
    match oddity {
        Oddity::Missing | Oddity::Grayscale | Oddity::WebPage => 1,
        Oddity::Leakage | Oddity::UnknownLabel | Oddity::Tiny => 2,
        _ => 0,
    }
}

/// Three scores that add up to 1, most of it on `class`.
fn scores(random: &mut SplitMix64, class: usize) -> String {
    let most = 850_000 + random.below(149_000);
    let second = random.below(1_000_000 - most);
    let mut scores = [0; 3];
    scores[class] = most;
    scores[(class + 1) % 3] = second;
    scores[(class + 2) % 3] = 1_000_000 - most - second;
    scores.map(|score| format!("0.{score:06}")).join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn each_class_is_split_80_10_10_and_the_lists_are_not_sorted_by_class() {
        let plan = Plan::new(300);
        let ordinary = |split: usize| plan.lists[split].iter().filter(|line| line.oddity.is_none());
        for class in 0..3 {
            let count = |split| ordinary(split).filter(|line| line.label == class).count();
            assert_eq!([0, 1, 2].map(count), [80, 10, 10], "class {class}");
        }
        for split in 0..3 {
            let changes = ordinary(split).map(|line| line.label).collect::<Vec<_>>();
            let changes = changes.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!(changes > 8, "split {split}: {changes} changes of class from line to line");
        }
        for photos in [9, 10, 11, 30] {
            let plan = Plan::new(photos);
            let files = plan.files.iter().filter(|file| file.oddity.is_none()).count();
            assert_eq!(files, photos as usize);
        }
    }

    #[test]
    fn tweet_ids_ascend_above_2_to_the_53_and_some_tweets_have_several_photos() {
        let plan = Plan::new(300);
        assert!(plan.tweets.iter().all(|tweet| tweet.id > 1 << 53));
        assert!(plan.tweets.windows(2).all(|pair| pair[0].id < pair[1].id));
        for photos in 1..=4 {
            assert!(plan.tweets.iter().any(|tweet| tweet.photos == photos), "{photos} photos");
        }
        assert!(plan.files.windows(2).all(|pair| pair[0].sample_id < pair[1].sample_id));
        let largest = Plan::new(100_000).tweets.last().map(|tweet| tweet.id.to_string().len());
        assert_eq!(largest, Some(18), "the first five digits stay a folder's name");
    }

    #[test]
    fn scores_are_sorted_add_up_to_1_and_agree_with_the_label() {
        let plan = Plan::new(60);
        let text = plan.text_sentiment();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("TWID\tNEG\tNEU\tPOS"));
        let rows: BTreeMap<u64, [f64; 3]> = lines
            .map(|line| {
                let (id, scores) = line.split_once('\t').unwrap();
                let scores: Vec<f64> = scores.split('\t').map(|s| s.parse().unwrap()).collect();
                (id.parse().unwrap(), scores.try_into().unwrap())
            })
            .collect();
        let ids: Vec<u64> = text.lines().skip(1).map(|l| l[..18].parse().unwrap()).collect();
        assert!(ids.is_sorted() && ids.len() == rows.len());
        assert!(rows.len() > plan.tweets.len(), "some tweets have no photo here");
        assert!(rows.values().all(|scores| (scores.iter().sum::<f64>() - 1.0).abs() < 1e-9));
        for tweet in &plan.tweets {
            let scores = rows[&tweet.id];
            assert!(scores[tweet.class] >= 0.85, "{tweet:?}: {scores:?}");
        }
    }

    #[test]
    fn every_oddity_has_one_line() {
        let plan = Plan::new(9);
        let mut found: Vec<Oddity> =
            plan.lists.iter().flatten().filter_map(|line| line.oddity).collect();
        found.sort();
        assert_eq!(found, Oddity::ALL);
    }
}
