//! The largest, or the mean, of windows.

use candle_core::{Result, Tensor};

use super::launch::{Launch, Parameters, Work, tensor};
use crate::ops::made::with_gradient;
use crate::ops::pool::{Cells, cells};
use crate::spec::Sides;

pub(in crate::ops) fn max_pool(
    x: &Tensor,
    window: usize,
    stride: usize,
    sides: Sides,
) -> Result<Tensor> {
    pool(x, "max_pool", "max_pool_back", windows(x, window, stride, sides)?)
}

pub(in crate::ops) fn average_pool(
    x: &Tensor,
    window: usize,
    stride: usize,
    sides: Sides,
) -> Result<Tensor> {
    pool(x, "average_pool", "average_pool_back", windows(x, window, stride, sides)?)
}

pub(in crate::ops) fn adaptive_average_pool(x: &Tensor, side: usize) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    if (height, width) == (side, side) {
        return Ok(x.clone());
    }
    if side == 0 || height == 0 || width == 0 {
        candle_core::bail!("no means of {height} × {width} pixels over {side} × {side} cells");
    }
    let parameters = Parameters {
        out_height: side as u32,
        out_width: side as u32,
        adaptive: 1,
        ..Parameters::default()
    };
    pool(x, "average_pool", "average_pool_back", parameters)
}

fn windows(x: &Tensor, window: usize, stride: usize, sides: Sides) -> Result<Parameters> {
    let Cells { rows, columns } = cells(x, window, stride, sides)?;
    Ok(Parameters {
        out_height: rows.len() as u32,
        out_width: columns.len() as u32,
        window: window as u32,
        stride: stride as u32,
        top: sides.top as u32,
        left: sides.left as u32,
        ..Parameters::default()
    })
}

fn pool(
    x: &Tensor,
    forward: &'static str,
    back: &'static str,
    parameters: Parameters,
) -> Result<Tensor> {
    let (n, channels, height, width) = x.dims4()?;
    // A place in a plane is a float32 to the kernels.
    if height * width > 1 << f32::MANTISSA_DIGITS {
        candle_core::bail!("planes of {height} × {width} pixels are too large to pool");
    }
    let parameters = Parameters { height: height as u32, width: width as u32, ..parameters };
    let shape = (n, channels, parameters.out_height as usize, parameters.out_width as usize);
    let numbers = shape.0 * shape.1 * shape.2 * shape.3;
    let x = x.contiguous()?;
    let has_places = forward == "max_pool";
    let outputs = if has_places { vec![numbers; 2] } else { vec![numbers] };
    let (work, inputs) = (Work::Numbers, [Some(&x)]);
    let launch = Launch { kernel: forward, work, inputs: &inputs, outputs: &outputs, parameters };
    let mut outputs = launch.run()?;
    let places = has_places.then(|| tensor(outputs.swap_remove(1), numbers));
    let output = outputs.swap_remove(0);
    let backward = move |inputs: &[&Tensor], _: &Tensor, gradient: &Tensor| {
        let (shape, outputs) = (inputs[0].shape(), [inputs[0].elem_count()]);
        let inputs = [Some(gradient), places.as_ref()];
        let launch = Launch { kernel: back, work, inputs: &inputs, outputs: &outputs, parameters };
        Ok(vec![Some(launch.tensor(shape)?)])
    };
    with_gradient("tcolz-pool", &[&x], output, shape, Box::new(backward))
}
