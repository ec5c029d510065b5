//! Pictures drawn by arithmetic.

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
    pub(super) rgb: Vec<u8>,
}

/// Sky and object of each class: dark blue and grey, green and sand, warm light and yellow.
const PALETTES: [[[f32; 3]; 2]; 3] = [
    [[40.0, 52.0, 84.0], [96.0, 92.0, 100.0]],
    [[110.0, 140.0, 112.0], [176.0, 160.0, 128.0]],
    [[214.0, 150.0, 110.0], [250.0, 214.0, 84.0]],
];

impl Picture {
    /// Draws a picture of `class`: a ground with soft light, an object (bars, a square, a disc), a
    /// texture, and the noise of a sensor.
    pub(super) fn draw(random: &mut SplitMix64, class: usize, width: u16, height: u16) -> Picture {
        let [ground, object] = PALETTES[class];
        let centre = [0.3 + 0.4 * random.unit(), 0.3 + 0.4 * random.unit()];
        let radius = 0.12 + 0.2 * random.unit();
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
                let [dx, dy] = [u - centre[0], v - centre[1]];
                let distance = match class {
                    0 => dx.abs().min(((dx * 3.0).abs() - 0.5).abs()),
                    1 => dx.abs().max(dy.abs()),
                    _ => dx.hypot(dy),
                };
                // A soft edge of about two pixels.
                let cover = ((radius - distance) * f32::from(width) / 2.0 + 0.5).clamp(0.0, 1.0);
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
        Picture { rgb }
    }

    /// Luminance, one byte a pixel.
    pub(super) fn luma(&self) -> Vec<u8> {
        let luma = |rgb: &[u8]| (rgb.iter().map(|&value| u16::from(value)).sum::<u16>() / 3) as u8;
        self.rgb.chunks_exact(3).map(luma).collect()
    }

    /// Cyan, magenta, yellow, black: four bytes a pixel.
    pub(super) fn cmyk(&self) -> Vec<u8> {
        self.rgb
            .chunks_exact(3)
            .flat_map(|rgb| [255 - rgb[0], 255 - rgb[1], 255 - rgb[2], 0])
            .collect()
    }
}
