//! Where names of points go, so that they hide neither each other nor the points.

/// A rectangle: left, top, right, bottom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Block {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Block {
    /// Around a middle.
    pub(super) fn around((x, y): (f64, f64), width: f64, height: f64) -> Block {
        Block {
            left: x - width / 2.0,
            top: y - height / 2.0,
            right: x + width / 2.0,
            bottom: y + height / 2.0,
        }
    }

    /// Pixels that two have in common.
    fn common(&self, other: &Block) -> f64 {
        let across = self.right.min(other.right) - self.left.max(other.left);
        let down = self.bottom.min(other.bottom) - self.top.max(other.top);
        across.max(0.0) * down.max(0.0)
    }

    /// Pixels that stick out of another.
    fn outside(&self, within: &Block) -> f64 {
        (self.right - self.left) * (self.bottom - self.top) - self.common(within)
    }
}

/// A name that is to be placed: its point with its radius, and how large the text is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) point: (f64, f64),
    pub(super) radius: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A block for each name, in their order: as near to its point as it can be without covering `taken` or other names,
/// and within `within`. Where there is no free place the one that covers least.
pub(super) fn place(wanted: &[Wanted], taken: &[Block], within: Block) -> Vec<Block> {
    let mut placed: Vec<Block> = Vec::new();
    for name in wanted {
        let mut best: Option<(f64, Block)> = None;
        // Rings around the point, the nearest first; on each to the right, to the left, above, below, between.
        for ring in 0..10 {
            let away = name.radius + 6.0 + 9.0 * f64::from(ring);
            for (across, down) in [
                (1.0, 0.0),
                (-1.0, 0.0),
                (0.0, -1.0),
                (0.0, 1.0),
                (1.0, -1.0),
                (1.0, 1.0),
                (-1.0, -1.0),
                (-1.0, 1.0),
            ] {
                let diagonal: f64 = if across != 0.0 && down != 0.0 { 0.75 } else { 1.0 };
                let middle = (
                    name.point.0 + across * (away * diagonal + name.width / 2.0),
                    name.point.1 + down * (away * diagonal + name.height / 2.0),
                );
                let block = Block::around(middle, name.width, name.height);
                let hidden: f64 =
                    taken.iter().chain(&placed).map(|other| block.common(other)).sum();
                let cost = hidden + 4.0 * block.outside(&within) + 0.5 * f64::from(ring);
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, block));
                }
            }
        }
        // There is always one: rings are not empty.
        placed.extend(best.map(|(_, block)| block));
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cover_neither_each_other_nor_points() {
        let points =
            [(100.0, 100.0), (106.0, 102.0), (112.0, 98.0), (290.0, 100.0), (104.0, 110.0)];
        let wanted: Vec<Wanted> = points
            .iter()
            .map(|&point| Wanted { point, radius: 6.0, width: 90.0, height: 16.0 })
            .collect();
        let marks: Vec<Block> =
            points.iter().map(|&point| Block::around(point, 12.0, 12.0)).collect();
        let within = Block { left: 0.0, top: 0.0, right: 300.0, bottom: 200.0 };
        let placed = place(&wanted, &marks, within);
        assert_eq!(placed.len(), points.len());
        for (number, block) in placed.iter().enumerate() {
            assert!(block.outside(&within) < 1e-9, "{block:?}");
            let others = placed[..number].iter().chain(&marks);
            others.for_each(|other| assert!(block.common(other) < 1e-9, "{block:?} {other:?}"));
        }
        assert_eq!(place(&[], &marks, within), []);
    }
}
