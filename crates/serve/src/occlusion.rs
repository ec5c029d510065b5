//! Which parts of a photo spoke for its label, found by hiding each in turn.
//!
//! A grid is laid over the network's input. Each cell is filled with the photo's mean colour, and the
//! probability of the label that the photo lost by it is the cell's weight: above 0 it spoke for the label,
//! below 0 against it (Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", 4.2).
//! It needs nothing of the network but its answers, so it holds for every network alike. What only several
//! cells show together, it cannot tell.

/// Cells of a side of the grid.
pub(super) const CELLS: usize = 7;

/// The photo itself, then the photo without each cell, row by row: `CELLS² + 1` tensors.
///
/// `planes`: `[3, size, size]`. `None` where they are of another shape.
pub(super) fn occluded(planes: &[u8], size: usize) -> Option<Vec<Vec<u8>>> {
    let plane = size * size;
    if planes.len() != 3 * plane || size < CELLS {
        return None;
    }
    let mean = |channel: &[u8]| {
        let sum: u64 = channel.iter().map(|&pixel| u64::from(pixel)).sum();
        (sum / plane as u64) as u8
    };
    let means: Vec<u8> = planes.chunks_exact(plane).map(mean).collect();
    let edge = |cell: usize| cell * size / CELLS;
    let mut all = vec![planes.to_vec()];
    for cell in 0..CELLS * CELLS {
        let (row, column) = (cell / CELLS, cell % CELLS);
        let mut hidden = planes.to_vec();
        for (channel, &mean) in hidden.chunks_exact_mut(plane).zip(&means) {
            for line in channel.chunks_exact_mut(size).take(edge(row + 1)).skip(edge(row)) {
                line[edge(column)..edge(column + 1)].fill(mean);
            }
        }
        all.push(hidden);
    }
    Some(all)
}

/// The weight of each cell `[CELLS][CELLS]`, from the probabilities of a class for each of [`occluded`]'s.
pub(super) fn weights(probabilities: &[f32]) -> Vec<Vec<f32>> {
    let Some((whole, hidden)) = probabilities.split_first() else { return Vec::new() };
    hidden.chunks(CELLS).map(|row| row.iter().map(|hidden| whole - hidden).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 17;

    #[test]
    fn every_pixel_is_hidden_once_and_the_others_stay() {
        let planes: Vec<u8> =
            (0..3 * SIZE * SIZE).map(|i| if i % 2 == 0 { 0 } else { 255 }).collect();
        let all = occluded(&planes, SIZE).unwrap();
        assert_eq!(all.len(), CELLS * CELLS + 1);
        assert_eq!(all[0], planes);
        let mut changed = vec![0; planes.len()];
        for hidden in &all[1..] {
            for (index, (a, b)) in planes.iter().zip(hidden).enumerate() {
                changed[index] += usize::from(a != b);
            }
        }
        assert!(changed.iter().all(|&times| times == 1), "no pixel is of the mean colour itself");
    }

    #[test]
    fn the_cell_that_the_probability_hangs_on_has_the_weight() {
        // A "network" that looks at the middle of the picture alone.
        let mut planes = vec![0; 3 * SIZE * SIZE];
        planes[8 * SIZE + 8] = 200;
        let looks = |planes: &Vec<u8>| f32::from(planes[8 * SIZE + 8]) / 255.0;
        let probabilities: Vec<f32> = occluded(&planes, SIZE).unwrap().iter().map(looks).collect();
        let weights = weights(&probabilities);
        for (row, line) in weights.iter().enumerate() {
            for (column, &weight) in line.iter().enumerate() {
                let expected = if (row, column) == (3, 3) { 200.0 / 255.0 } else { 0.0 };
                assert!((weight - expected).abs() < 1e-6, "{row} {column}: {weight}");
            }
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        assert!(occluded(&[0; 10], 2).is_none());
        assert!(occluded(&[0; 12], 2).is_none(), "smaller than the grid");
    }
}
