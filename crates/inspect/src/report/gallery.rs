//! Pictures of the page, as data URIs: contact sheets of classes and of duplicates as JPEGs, mean images as
//! PNGs, which keep every level.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{BadInput, Duplicates, MeanImages, Picture, bad_inputs, pick_by_class, pictures};
use tcolz_format::dataset::Dataset;
use tcolz_format::sample::Label;
use tcolz_loader::select::Selection;
use tcolz_pixels::picture::{encode_jpeg, encode_png};
use tcolz_pixels::recipe::Dtype;

use super::error::ReportError;

/// Classes with a contact sheet at most: the largest.
pub(super) const MAX_CLASSES: usize = 48;
/// Pictures of a class.
const CLASS_PICTURES: usize = 8;
/// Groups of duplicates that are shown; the worst stand first.
pub(super) const MAX_GROUPS: usize = 40;
/// Pictures of a group.
pub(super) const GROUP_PICTURES: usize = 4;
/// Inputs that were refused and are listed.
pub(super) const MAX_REFUSED: usize = 60;
/// Pixels a side of a picture at most.
const SIDE: usize = 112;
/// Quality of the JPEGs.
const QUALITY: u8 = 78;

/// Pictures of a report.
#[derive(Debug, Clone, Default)]
pub(super) struct Galleries {
    /// The largest classes, in their order: samples in all, and some of them.
    pub(super) classes: Vec<(Label, u64, Vec<Shown>)>,
    /// The first groups of duplicates, in their order.
    pub(super) groups: Vec<Vec<Shown>>,
    /// One for each mean image, in their order.
    pub(super) means: Vec<String>,
    /// What is not stored.
    pub(super) refused: Vec<BadInput>,
}

/// A picture.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) sample_id: String,
    pub(super) split: String,
    pub(super) label: Label,
    /// Data URI; `None` where tensors are no pixels.
    pub(super) source: Option<String>,
}

impl Galleries {
    pub(super) fn of(
        dataset: &Dataset,
        selections: Option<&[Selection]>,
        duplicates: &Duplicates,
        means: Option<&MeanImages>,
    ) -> Result<Galleries, ReportError> {
        let mut refused = match selections {
            None => bad_inputs(dataset, None, None)?.inputs,
            Some(_) => Vec::new(),
        };
        refused.truncate(MAX_REFUSED);
        let means = means.map_or(&[][..], |means| &means.classes).iter();
        let side = |planes: &[u8]| (planes.len() / 3).isqrt();
        let means = means.map(|mean| png(&mean.planes, side(&mean.planes)));
        let means = means.collect::<Result<Vec<String>, ReportError>>()?;
        let mut galleries = Galleries { means, refused, ..Galleries::default() };
        let groups = duplicates.groups.iter().take(MAX_GROUPS);
        let members = groups.clone().flat_map(|group| group.members.iter().take(GROUP_PICTURES));
        if dataset.meta().recipe.dtype != Dtype::U8 {
            galleries.groups = groups
                .map(|group| {
                    let members = group.members.iter().take(GROUP_PICTURES);
                    let shown = |member: &crate::Member| Shown {
                        sample_id: member.sample_id.clone(),
                        split: member.split.clone(),
                        label: member.label,
                        source: None,
                    };
                    members.map(shown).collect()
                })
                .collect();
            return Ok(galleries);
        }
        let mut picks = pick_by_class(dataset, selections, CLASS_PICTURES)?;
        // The largest; of equal ones the first. Sorting is stable.
        let order = picks.clone();
        picks.sort_by_key(|pick| std::cmp::Reverse(pick.samples));
        picks.truncate(MAX_CLASSES);
        let kept = |label: Label| picks.iter().any(|pick| pick.label == label);
        let picks: Vec<_> = order.into_iter().filter(|pick| kept(pick.label)).collect();
        let mut rows: Vec<u64> = picks.iter().flat_map(|pick| pick.ledger_rows.clone()).collect();
        rows.extend(members.map(|member| member.ledger_row));
        let shown: HashMap<u64, Shown> = rows
            .iter()
            .copied()
            .zip(pictures(dataset, &rows, SIDE)?)
            .map(|(row, picture)| Ok((row, show(&picture)?)))
            .collect::<Result<_, ReportError>>()?;
        let of = |row: &u64| shown[row].clone();
        galleries.classes = picks
            .iter()
            .map(|pick| (pick.label, pick.samples, pick.ledger_rows.iter().map(of).collect()))
            .collect();
        galleries.groups = groups
            .map(|group| {
                let members = group.members.iter().take(GROUP_PICTURES);
                members.map(|member| of(&member.ledger_row)).collect()
            })
            .collect();
        Ok(galleries)
    }
}

fn show(picture: &Picture) -> Result<Shown, ReportError> {
    let side = picture.side;
    let pixels = interleaved(&picture.planes, side);
    let jpeg = encode_jpeg(side as u32, side as u32, &pixels, QUALITY)
        .map_err(|error| ReportError::Picture(error.to_string()))?;
    Ok(Shown {
        sample_id: picture.sample_id.clone(),
        split: picture.split.clone(),
        label: picture.label,
        source: Some(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg))),
    })
}

fn png(planes: &[u8], side: usize) -> Result<String, ReportError> {
    let png = encode_png(side as u32, side as u32, &interleaved(planes, side));
    let png = png.map_err(|error| ReportError::Picture(error.to_string()))?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png)))
}

/// Planes `[3, side, side]` as pixels `[side, side, 3]`.
fn interleaved(planes: &[u8], side: usize) -> Vec<u8> {
    let plane = side * side;
    (0..plane).flat_map(|at| [planes[at], planes[plane + at], planes[2 * plane + at]]).collect()
}
