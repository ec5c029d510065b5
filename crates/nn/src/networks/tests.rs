//! The networks as data: published sizes, the smallest images, keys.

use std::collections::BTreeSet;

use super::*;
use crate::ModelError;
use crate::spec::Padding;

fn spec(network: Network, classes: usize) -> Spec {
    network.spec(&network.properties(), classes)
}

/// The same with every padding that it knows.
fn all_specs() -> impl Iterator<Item = Spec> {
    let styles = [PaddingStyle::Symmetric, PaddingStyle::TfSame, PaddingStyle::RightBottom];
    Network::ALL.into_iter().flat_map(move |network| {
        styles.map(|padding| network.spec(&Properties { padding, ..network.properties() }, 3))
    })
}

#[test]
fn parameters_are_as_many_as_published() {
    let trained = |network| spec(network, 1000).count(|parameter| parameter.role.is_trained());
    // torchvision's and timm's own counts, which leave the stored statistics out.
    assert_eq!(trained(Network::Vgg19), 143_667_240);
    assert_eq!(trained(Network::MobileNetV2), 3_504_872);
    assert_eq!(trained(Network::InceptionResNetV2), 55_843_464);
    // Keras's count without the top, statistics included.
    assert_eq!(spec(Network::MobileNetV1, 3).count(|parameter| !parameter.in_head), 3_228_864);
}

#[test]
fn every_key_is_there_once_and_only_the_last_layer_knows_the_classes() {
    for spec in all_specs() {
        let parameters = spec.parameters();
        let keys: BTreeSet<&str> = parameters.iter().map(|p| p.key.as_str()).collect();
        assert_eq!(keys.len(), parameters.len(), "{}", spec.network);
        let other = self::spec(spec.network, 17).parameters();
        for (parameter, other) in parameters.iter().zip(&other) {
            assert_eq!(parameter.key, other.key);
            assert_eq!(parameter.shape != other.shape, parameter.last, "{}", parameter.key);
            assert!(parameter.in_head || !parameter.last);
        }
    }
}

#[test]
fn features_come_in_the_width_that_the_head_takes_whatever_the_size() {
    let widths = [25_088, 1024, 1280, 1536];
    for (network, width) in Network::ALL.into_iter().zip(widths) {
        let spec = spec(network, 3);
        assert_eq!(spec.features(), width);
        for size in [[224, 224], [299, 299], [96, 96], [107, 139], [1024, 75]] {
            spec.check_input(size).unwrap();
        }
    }
}

/// The smallest side that a network takes.
fn smallest(spec: &Spec) -> usize {
    (1..).find(|&side| spec.check_input([side, side]).is_ok()).unwrap()
}

#[test]
fn images_that_are_too_small_are_told_the_layer_that_has_nothing_left() {
    // Five halvings; Keras says 75, too.
    assert_eq!(smallest(&spec(Network::Vgg19, 3)), 32);
    assert_eq!(smallest(&spec(Network::InceptionResNetV2, 3)), 75);
    for spec in all_specs() {
        let side = smallest(&spec);
        // From there on every size will do, and below none.
        for other in 1..side + 40 {
            for size in [[other, side + 8], [side + 8, other]] {
                let found = spec.check_input(size);
                assert_eq!(
                    found.is_ok(),
                    other >= side,
                    "{} {:?} {size:?}",
                    spec.network,
                    spec.properties
                );
                let Err(error) = found else { continue };
                assert!(matches!(error, ModelError::Input { .. }));
                let [height, width] = size;
                let text = error.to_string();
                assert!(text.contains(&format!("{height} × {width}")), "{text}");
                assert!(text.contains("is left for"), "{text}");
            }
        }
    }
}

#[test]
fn paddings_put_their_rows_where_their_frameworks_do() {
    let sides = |padding: Padding, size| {
        let found = padding.sides([size, size], [3, 3], 2);
        (found.top, found.bottom, found.left, found.right)
    };
    assert_eq!(sides(Padding::Symmetric([1, 1]), 224), (1, 1, 1, 1));
    assert_eq!(sides(Padding::Same, 224), (0, 1, 0, 1));
    assert_eq!(sides(Padding::Same, 75), (1, 1, 1, 1));
    assert_eq!(sides(Padding::RightBottom, 224), (0, 1, 0, 1));
    assert_eq!(sides(Padding::RightBottom, 75), (0, 1, 0, 1));
}
