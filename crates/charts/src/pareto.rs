//! Accuracy against cost: which models are worth their price.

use plotters::prelude::DrawingBackend;

use super::ChartError;
use super::axis::short;
use super::drawing::{
    Drawing, Paper, Side, ThemedPicture, WIDE, between, fitted, render, text_width,
};
use super::frame::{Frame, Scale};
use super::heading::{Heading, Sign};
use super::marks::{RING, disc, level_interval, ring, stroked, upright_interval};
use super::placing::{Block, Wanted, place};
use tcolz_base::numbers::bytes;

/// Numbers of colours.
const CHOSEN: usize = 1;
const FRONT: usize = 0;
const BEHIND: usize = 5;
/// Strokes of the front's line.
const STROKES: usize = 1;
/// Letters of names, relative.
const LETTERS: f64 = 0.95;
/// Radius of the largest mark; the smallest has at least the other.
const LARGEST: f64 = 24.0;
const SMALLEST: f64 = 4.0;
/// Where an interval goes whose place is taken.
const ASIDE: [f64; 5] = [0.0, 8.0, -8.0, 16.0, -16.0];
/// Width below which an interval cannot be seen on its mark.
const NARROWEST: f64 = 8.0;
/// Width of a name at most.
const MAX_NAME: f64 = 220.0;

/// A model on the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct ParetoPoint {
    /// Its name.
    pub name: String,
    /// What it costs, in the unit of the axis; above 0.
    pub cost: f64,
    /// Ends of the cost's interval, above 0.
    pub cost_interval: Option<(f64, f64)>,
    /// Its accuracy, 0 to 1.
    pub accuracy: f64,
    /// Ends of the accuracy's 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// Bytes of its deployable weights: the area of its mark.
    pub bytes: Option<f64>,
    /// Whether it is the one to deploy.
    pub chosen: bool,
}

/// Accuracy against cost, with the Pareto front: the models that are more accurate than all that cost no more, by the values
/// as they were measured.
#[derive(Debug, Clone)]
pub struct ParetoChart<'a> {
    /// What is said above it.
    pub title: &'a str,
    /// Which samples it is of; may be empty.
    pub subtitle: &'a str,
    /// Name of the cost with its unit.
    pub cost_name: &'a str,
    /// Name of the accuracy.
    pub accuracy_name: &'a str,
    /// The models.
    pub points: Vec<ParetoPoint>,
}

impl ParetoChart<'_> {
    /// Draws it.
    ///
    /// # Errors
    /// [`ChartError::Chart`].
    pub fn picture(&self) -> Result<ThemedPicture, ChartError> {
        render(self)
    }

    /// Numbers of the points on the front, by cost: each is cheaper than all that are as accurate or more.
    pub fn front(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.points.len()).collect();
        let key = |number: usize| (self.points[number].cost, -self.points[number].accuracy);
        order.sort_by(|&a, &b| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal));
        let mut best = f64::NEG_INFINITY;
        order.retain(|&number| {
            let better = self.points[number].accuracy > best;
            best = best.max(self.points[number].accuracy);
            better
        });
        order
    }

    /// What the legend explains: only what is there.
    fn heading(&self, room: f64) -> Heading<'_> {
        let front = self.front();
        let behind = |number: usize| !front.contains(&number) && !self.points[number].chosen;
        let mut legend = Vec::new();
        if self.points.iter().any(|point| point.chosen) {
            legend.push((Sign::Ring(CHOSEN), "chosen".to_owned()));
        }
        if front.iter().any(|&number| !self.points[number].chosen) {
            legend.push((Sign::Disc(FRONT), "on the Pareto front".to_owned()));
        }
        if (0..self.points.len()).any(behind) {
            legend.push((Sign::HollowDisc(BEHIND), "not on the front".to_owned()));
        }
        if !front.is_empty() {
            let words = "Pareto front: for less, nothing is as accurate";
            legend.push((Sign::Strokes(STROKES, FRONT), words.to_owned()));
        }
        // Two sizes, for scale.
        let sizes = self.points.iter().filter_map(|point| point.bytes);
        let (least, most) = sizes
            .fold((f64::INFINITY, 0.0f64), |(low, high), size| (low.min(size), high.max(size)));
        if most > 0.0 {
            let mut sizes = [least, most].map(|size| bytes(size as u64)).to_vec();
            sizes.dedup();
            let text = format!("area: size of the weights, {}", sizes.join(" to "));
            legend.push((Sign::None, text));
        }
        if room < WIDE {
            let named = |(number, point): (usize, &ParetoPoint)| {
                (Sign::None, format!("{}: {}", number + 1, point.name))
            };
            legend.extend(self.points.iter().enumerate().map(named));
        }
        Heading { title: self.title, subtitle: self.subtitle, legend }
    }

    fn frame(&self, room: f64) -> Frame {
        let costs = self.points.iter().flat_map(|point| {
            let (low, high) = point.cost_interval.unwrap_or((point.cost, point.cost));
            [point.cost, low, high]
        });
        let costs: Vec<f64> = costs.collect();
        let ends = |point: &ParetoPoint| {
            let (low, high) = point.interval.unwrap_or((point.accuracy, point.accuracy));
            [low, high]
        };
        let x = Scale::factors(self.cost_name, &costs, short);
        let y = Scale::shares(self.accuracy_name, self.points.iter().flat_map(ends), short);
        let height = if room < WIDE { 280.0 } else { 376.0 };
        Frame::within((0.0, room), self.heading(room).height(room), height, x, y)
    }

    fn radius(&self, bytes: Option<f64>, room: f64) -> f64 {
        let largest = self.points.iter().filter_map(|point| point.bytes).fold(0.0, f64::max);
        let most = if room < WIDE { 0.7 * LARGEST } else { LARGEST };
        match bytes {
            Some(bytes) if largest > 0.0 => (most * (bytes / largest).sqrt()).max(SMALLEST),
            _ => SMALLEST,
        }
    }

    /// What stands beside a mark: a name, or on a phone its number in the legend.
    fn name(&self, number: usize, room: f64) -> String {
        match room < WIDE {
            true => (number + 1).to_string(),
            false => fitted(&self.points[number].name, LETTERS, MAX_NAME),
        }
    }

    fn colour(&self, number: usize, front: &[usize]) -> usize {
        match (self.points[number].chosen, front.contains(&number)) {
            (true, _) => CHOSEN,
            (false, true) => FRONT,
            (false, false) => BEHIND,
        }
    }

    /// Places the names so that they hide nothing, and draws them.
    fn draw_names<B: DrawingBackend>(
        &self,
        paper: &Paper<'_, B>,
        frame: &Frame,
        taken: &[Block],
    ) -> Result<(), ChartError> {
        let theme = paper.theme;
        let wanted = |(number, point): (usize, &ParetoPoint)| Wanted {
            point: (frame.across(point.cost), frame.down(point.accuracy)),
            radius: self.radius(point.bytes, paper.room) + if point.chosen { RING } else { 0.0 },
            width: text_width(&self.name(number, paper.room), LETTERS) + 4.0,
            height: 16.0,
        };
        let wanted: Vec<Wanted> = self.points.iter().enumerate().map(wanted).collect();
        let within = Block {
            left: frame.left + 2.0,
            top: frame.top,
            right: frame.right,
            bottom: frame.bottom - 2.0,
        };
        let blocks = place(&wanted, taken, within);
        // Ways to the marks below all names: they cross none.
        for (block, wanted) in blocks.iter().zip(&wanted) {
            let edge = (
                wanted.point.0.clamp(block.left, block.right),
                wanted.point.1.clamp(block.top, block.bottom),
            );
            let away = (edge.0 - wanted.point.0).hypot(edge.1 - wanted.point.1);
            if away > wanted.radius + 14.0 {
                paper.line(&[wanted.point, edge], theme.axis, 1.0)?;
            }
        }
        for (number, block) in blocks.iter().enumerate() {
            let middle = ((block.left + block.right) / 2.0, (block.top + block.bottom) / 2.0);
            // Lines behind the data are not behind names.
            let (from, to) = ((block.left, block.top + 1.0), (block.right, block.bottom - 1.0));
            paper.fill(from, to, theme.paper)?;
            let name = self.name(number, paper.room);
            paper.text(&name, middle, Side::Middle, LETTERS, theme.ink)?;
        }
        Ok(())
    }
}

/// A line of the picture as a block.
fn line(from: (f64, f64), to: (f64, f64)) -> Block {
    Block {
        left: from.0.min(to.0) - 1.0,
        top: from.1.min(to.1) - 1.0,
        right: from.0.max(to.0) + 1.0,
        bottom: from.1.max(to.1) + 1.0,
    }
}

impl Drawing for ParetoChart<'_> {
    fn size(&self, room: f64) -> (u32, u32) {
        (room as u32, self.frame(room).end().ceil() as u32 + 4)
    }

    fn draw<B: DrawingBackend>(&self, paper: &Paper<'_, B>) -> Result<(), ChartError> {
        let theme = paper.theme;
        self.heading(paper.room).draw(paper, paper.room)?;
        let frame = self.frame(paper.room);
        frame.draw(paper)?;
        let at = |point: &ParetoPoint| (frame.across(point.cost), frame.down(point.accuracy));
        let front = self.front();
        // Steps: until the next one costs its price, the one before is the best that can be had.
        let mut steps: Vec<(f64, f64)> = Vec::new();
        for &number in &front {
            let (x, y) = at(&self.points[number]);
            steps.extend(steps.last().map(|&(_, above)| (x, above)));
            steps.push((x, y));
        }
        steps.extend(steps.last().map(|&(_, y)| (frame.right, y)));
        stroked(paper, STROKES, &steps, theme.series[FRONT], 1.6)?;
        // Large marks first: none hides a smaller one.
        let mut order: Vec<usize> = (0..self.points.len()).collect();
        let radius = |number: usize| self.radius(self.points[number].bytes, paper.room);
        order.sort_by(|&a, &b| radius(b).total_cmp(&radius(a)));
        let colour = |number: usize| theme.series[self.colour(number, &front)];
        let mut taken: Vec<Block> = steps.windows(2).map(|ends| line(ends[0], ends[1])).collect();
        for &number in &order {
            let (point, place) = (&self.points[number], at(&self.points[number]));
            let hollow = !front.contains(&number) && !point.chosen;
            let mut reach = radius(number);
            if point.chosen {
                ring(paper, place, reach, colour(number))?;
                reach += RING;
            }
            disc(paper, place, radius(number), colour(number), hollow)?;
            taken.push(Block::around(place, 2.0 * reach, 2.0 * reach));
        }
        for (number, point) in self.points.iter().enumerate() {
            let Some((low, high)) = point.cost_interval.filter(|(low, _)| *low > 0.0) else {
                continue;
            };
            let (ends, y) = (frame.ends_across((low, high)), at(point).1);
            if ends[1].place - ends[0].place < NARROWEST {
                continue;
            }
            level_interval(paper, y, ends, between(colour(number), theme.ink, 0.35))?;
            taken.push(line((ends[0].place, y - 3.0), (ends[1].place, y + 3.0)));
        }
        let mut bars: Vec<f64> = Vec::new();
        for (number, point) in self.points.iter().enumerate() {
            let Some(interval) = point.interval else { continue };
            let (x, _) = at(point);
            // Models that cost the same have their intervals beside each other.
            let x = ASIDE
                .iter()
                .map(|aside| x + aside)
                .find(|x| bars.iter().all(|bar| (bar - x).abs() > 6.0));
            let x = x.unwrap_or(at(point).0);
            bars.push(x);
            let ends = frame.ends_down(interval);
            upright_interval(paper, x, ends, between(colour(number), theme.ink, 0.35))?;
            taken.push(line((x - 3.0, ends[0].place), (x + 3.0, ends[1].place)));
        }
        self.draw_names(paper, &frame, &taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::legible;

    fn point(name: &str, cost: f64, accuracy: f64) -> ParetoPoint {
        let interval = Some((accuracy - 0.02, accuracy + 0.02));
        let name = name.to_owned();
        let cost_interval = Some((0.9 * cost, 1.1 * cost));
        ParetoPoint {
            name,
            cost,
            cost_interval,
            accuracy,
            interval,
            bytes: Some(9e6),
            chosen: false,
        }
    }

    fn chart(points: Vec<ParetoPoint>) -> ParetoChart<'static> {
        let (cost_name, accuracy_name) = ("cost (ms)", "accuracy (share)");
        ParetoChart { title: "title", subtitle: "", cost_name, accuracy_name, points }
    }

    #[test]
    fn the_front_holds_what_nothing_beats() {
        let found = chart(vec![
            point("slow and best", 900.0, 0.77),
            point("dominated", 300.0, 0.70),
            point("quick", 10.0, 0.72),
            point("as good, slower", 20.0, 0.72),
            point("same cost, worse", 10.0, 0.60),
            point("between", 100.0, 0.75),
        ]);
        assert_eq!(found.front(), [2, 5, 0]);
        assert_eq!(chart(Vec::new()).front(), [] as [usize; 0]);
        // At the same cost and within the intervals nothing is beaten: intervals decide that, and the front knows none.
        let shared = chart(vec![point("a", 10.0, 0.72), point("b", 10.0, 0.71)]).picture().unwrap();
        assert!(
            shared.light.svg.contains("not on the front") && !shared.light.svg.contains("beaten")
        );
    }

    /// To be looked at: `TCOLZ_PICTURES=folder cargo test --lib report::pareto`.
    #[test]
    fn models_that_cost_nearly_the_same_are_all_named() {
        let models = [
            ("vgg19-head", 411.0, 0.740, 558e6),
            ("vgg19-all", 414.0, 0.785, 558e6),
            ("mobilenet-v1-head", 26.0, 0.722, 13.9e6),
            ("mobilenet-v1-all", 26.2, 0.757, 13.9e6),
            ("mobilenet-v2-all-balanced-seed-7", 30.9, 0.759, 10.3e6),
            ("inception-resnet-v2-head", 178.0, 0.714, 219e6),
            ("inception-resnet-v2-all", 180.0, 0.769, 219e6),
        ];
        let points = models.map(|(name, cost, accuracy, bytes)| ParetoPoint {
            bytes: Some(bytes),
            chosen: name == "mobilenet-v1-all",
            ..point(name, cost, accuracy)
        });
        let picture = chart(points.to_vec()).picture().unwrap();
        for (name, ..) in models {
            assert!(picture.light.svg.contains(name), "{name}");
        }
        legible::check(&picture);
        if let Some(folder) = std::env::var_os("TCOLZ_PICTURES") {
            let file = std::path::Path::new(&folder).join("pareto-many.png");
            std::fs::write(file, &picture.light.png).unwrap();
        }
    }

    #[test]
    fn axes_and_models_are_named_and_hostile_names_escaped() {
        let drawn = chart(vec![point("<script>", 3.0, 0.5), point("b & c", 30.0, 0.6)]);
        let picture = drawn.picture().unwrap();
        for svg in [&picture.light.svg, &picture.dark.svg] {
            for words in ["cost (ms)", "accuracy", "title", "&lt;script&gt;", "b &amp; c"] {
                assert!(svg.contains(words), "{words}");
            }
            assert!(!svg.contains("<script"));
        }
        let one = ParetoPoint { interval: None, bytes: None, ..point("one", 1.0, 1.0) };
        chart(vec![one]).picture().unwrap();
        chart(Vec::new()).picture().unwrap();
    }
}
