//! Pictures drawn by arithmetic that is the same on every machine: no `sin`, no `hypot`.

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every machine, for ever.
pub(super) struct SplitMix64(pub(super) u64);

impl SplitMix64 {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is small: the bias does not matter here.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A number from 0 to 1.
    pub(super) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Cosine and sine of any angle, by square roots alone: their last bit is the same on every
    /// machine, that of `sin` is not.
    fn direction(&mut self) -> [f32; 2] {
        loop {
            let [x, y] = [2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0];
            let square = x * x + y * y;
            if (0.01..=1.0).contains(&square) {
                let length = square.sqrt();
                return [x / length, y / length];
            }
        }
    }

    /// Puts `things` into any order.
    pub(super) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Value noise: random heights on grids of falling spacing, smoothly joined. Its detail at every scale is
/// what makes a picture compress like a photograph.
struct Texture {
    grids: Vec<Grid>,
}

struct Grid {
    spacing: f32,
    columns: usize,
    heights: Vec<f32>,
}

impl Texture {
    /// Spacing in pixels and height in levels of each grid.
    const OCTAVES: [(f32, f32); 5] =
        [(48.0, 30.0), (21.0, 24.0), (9.0, 22.0), (4.5, 18.0), (2.5, 14.0)];

    fn new(random: &mut SplitMix64, width: u16, height: u16) -> Texture {
        let grid = |(spacing, level): (f32, f32)| {
            let cells = |side: u16| (f32::from(side) / spacing) as usize + 2;
            let (columns, rows) = (cells(width), cells(height));
            let heights = (0..columns * rows).map(|_| level * (random.unit() - 0.5)).collect();
            Grid { spacing, columns, heights }
        };
        Texture { grids: Texture::OCTAVES.map(grid).into() }
    }

    /// The heights of a row of pixels, added up over the grids.
    fn row(&self, y: u16, heights: &mut [f32]) {
        heights.fill(0.0);
        for grid in &self.grids {
            grid.add_row(f32::from(y) / grid.spacing, heights);
        }
    }
}

impl Grid {
    fn add_row(&self, y: f32, heights: &mut [f32]) {
        let v = y.fract();
        let above = &self.heights[y as usize * self.columns..][..2 * self.columns];
        let (above, below) = above.split_at(self.columns);
        let line: Vec<f32> = above.iter().zip(below).map(|(a, b)| a * (1.0 - v) + b * v).collect();
        let step = 1.0 / self.spacing;
        for (x, height) in heights.iter_mut().enumerate() {
            let x = x as f32 * step;
            let (column, u) = (x as usize, x.fract());
            *height += line[column] * (1.0 - u) + line[column + 1] * u;
        }
    }
}

/// A picture in interleaved RGB.
pub(super) struct Picture {
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) rgb: Vec<u8>,
}

/// Ground and object of each class: dark blue and grey, green and sand, warm light and yellow.
const PALETTES: [[[f32; 3]; 2]; 3] = [
    [[40.0, 52.0, 84.0], [96.0, 92.0, 100.0]],
    [[110.0, 140.0, 112.0], [176.0, 160.0, 128.0]],
    [[214.0, 150.0, 110.0], [250.0, 214.0, 84.0]],
];

/// The object of a class: bars, a square or a disc, in units of the picture's shorter side.
struct Shape {
    class: usize,
    centre: [f32; 2],
    /// Half a bar, half a side, or the radius.
    reach: f32,
    /// The cosine and the sine of the angle by which it is turned.
    turn: [f32; 2],
}

impl Shape {
    fn new(random: &mut SplitMix64, class: usize, longest: [f32; 2]) -> Shape {
        let centre = longest.map(|side| side * (0.3 + 0.4 * random.unit()));
        let reach =
            if class == 0 { 0.04 + 0.05 * random.unit() } else { 0.12 + 0.2 * random.unit() };
        Shape { class, centre, reach, turn: random.direction() }
    }

    /// How far the point lies inside the edge (below 0: outside of it).
    fn depth(&self, point: [f32; 2]) -> f32 {
        let [x, y] = [point[0] - self.centre[0], point[1] - self.centre[1]];
        let [along, across] =
            [x * self.turn[0] + y * self.turn[1], y * self.turn[0] - x * self.turn[1]];
        let distance = match self.class {
            // Gaps of the width of a bar.
            0 => {
                let period = 4.0 * self.reach;
                ((along / period).rem_euclid(1.0) - 0.5).abs() * period
            }
            1 => along.abs().max(across.abs()),
            _ => (x * x + y * y).sqrt(),
        };
        self.reach - distance
    }
}

impl Picture {
    /// Draws a picture of `class`: a ground with soft light, an object (bars, a square, a disc), a
    /// texture, and the noise of a sensor.
    pub(super) fn draw(random: &mut SplitMix64, class: usize, width: u16, height: u16) -> Picture {
        let exposure = 40.0 * (random.unit() - 0.5);
        let [ground, object] = PALETTES[class]
            .map(|colour| colour.map(|level| level + exposure + 36.0 * (random.unit() - 0.5)));
        let short = f32::from(width.min(height));
        let shape =
            Shape::new(random, class, [f32::from(width) / short, f32::from(height) / short]);
        let light = [random.unit() - 0.5, random.unit() - 0.5];
        let contrast = 0.6 + 1.2 * random.unit();
        let noise = 4.0 + 8.0 * random.unit();
        let (texture, tint) =
            (Texture::new(random, width, height), Texture::new(random, width, height));
        let mut rgb = Vec::with_capacity(3 * usize::from(width) * usize::from(height));
        let (mut details, mut tints) =
            (vec![0.0; usize::from(width)], vec![0.0; usize::from(width)]);
        for y in 0..height {
            texture.row(y, &mut details);
            tint.row(y, &mut tints);
            for x in 0..width {
                let (u, v) = (f32::from(x) / f32::from(width), f32::from(y) / f32::from(height));
                // A soft edge of about two pixels.
                let depth = shape.depth([f32::from(x) / short, f32::from(y) / short]);
                let cover = (depth * short / 2.0 + 0.5).clamp(0.0, 1.0);
                let shade = 1.0 + 0.7 * (light[0] * (u - 0.5) + light[1] * (v - 0.5));
                let detail = contrast * details[usize::from(x)];
                let colour_detail = 0.35 * contrast * tints[usize::from(x)];
                let grain = noise * (random.unit() + random.unit() + random.unit() - 1.5);
                for channel in 0..3 {
                    let colour = ground[channel] + cover * (object[channel] - ground[channel]);
                    let tinted = detail + (channel as f32 - 1.0) * colour_detail;
                    rgb.push((colour * shade + tinted + grain).clamp(0.0, 255.0) as u8);
                }
            }
        }
        Picture { width, height, rgb }
    }
}
