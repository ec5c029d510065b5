//! Services to test: a real small network, and one that does as a photo's width says.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::{self, JoinHandle};

use candle_core::Device;
use tcolz_nn::file::MODEL_FORMAT;
use tcolz_nn::init::initial_weights;
use tcolz_nn::{Model, ModelFacts, Network};
use tcolz_photo::{DecodeLimits, Decoder};
use tcolz_pixels::RgbImage;
use tcolz_pixels::View;
use tcolz_pixels::recipe::Recipe;
use tcolz_predict::Predictor;
use tcolz_serve::{Classifier, Fault, Limits, Prepared, Preparer, ServeOptions, Server, Stopper};

use crate::client::PATIENCE;
use crate::common::photo;

/// A service on a port of its own; stopped when it is dropped.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) stopper: Stopper,
    thread: Option<JoinHandle<usize>>,
}

impl Service {
    pub(crate) fn start(classifier: Arc<dyn Classifier>, limits: Limits) -> Service {
        let bind = "127.0.0.1:0".parse().unwrap();
        let options = {
            let mut options = ServeOptions::new("small");
            options.bind = bind;
            options.limits = limits;
            options
        };
        let server = Server::bind(&options, classifier).unwrap();
        let (address, stopper) = (server.address(), server.stopper());
        let thread = thread::spawn(move || server.run());
        Service { address, stopper, thread: Some(thread) }
    }

    /// Stops it; how many connections were cut off.
    pub(crate) fn stop(mut self) -> usize {
        self.stopper.stop();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A small MobileNet V1 of random weights.
pub(crate) fn small_model() -> Model {
    let network = Network::MobileNetV1;
    let properties = network.properties();
    let facts = ModelFacts {
        format: MODEL_FORMAT.to_owned(),
        network,
        view: View::built_in(&properties.view).unwrap(),
        properties,
        classes: ["negative", "neutral", "positive"].map(str::to_owned).to_vec(),
        recipe: Recipe { sizes: vec![64], view: "tf".to_owned(), ..Recipe::default() },
        size: 64,
        finetune: Some("head".to_owned()),
        percent: None,
        content_root: None,
        seen: None,
        epochs: Some(1),
        validation: None,
    };
    let mut tensors = initial_weights(&facts.spec(), 8).unwrap();
    // As first drawn, every class is about as likely.
    let last = facts.spec().parameters().into_iter().find(|parameter| parameter.last).unwrap();
    tensors.insert(last.key.clone(), (&tensors[&last.key] * 3000.0).unwrap());
    Model { facts, tensors }
}

/// The network of [`small_model`].
pub(crate) fn predictor() -> Arc<Predictor> {
    Arc::new(Predictor::new(&small_model(), &Device::Cpu).unwrap())
}

/// The service of [`small_model`] that tests without wishes of their own share.
pub(crate) fn shared() -> SocketAddr {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    SERVICE.get_or_init(|| Service::start(predictor(), Limits::default())).address
}

/// Writes [`small_model`] to a folder.
pub(crate) fn save_model(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("small.safetensors");
    small_model().save(&path).unwrap();
    path
}

/// Behaves as a photo's width says, and labels the others `negative`.
pub(crate) struct Obedient {
    facts: ModelFacts,
    gate: Gate,
}

/// Where batches wait until it is opened; not for ever, so that a test that fails ends.
#[derive(Clone)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_timeout_while(open, 2 * PATIENCE, |open| !*open).unwrap());
    }
}

/// A width at which preparing panics.
pub(crate) const PANICS_AT_ONCE: u32 = 13;
/// A width at which inferring panics.
pub(crate) const PANICS_LATER: u32 = 17;

impl Obedient {
    /// One that answers at once.
    pub(crate) fn new() -> Arc<Obedient> {
        let (obedient, gate) = Obedient::held();
        gate.open();
        obedient
    }

    /// One whose batches wait at the gate.
    pub(crate) fn held() -> (Arc<Obedient>, Gate) {
        let gate = Gate(Arc::default());
        let obedient = Obedient { facts: small_model().facts, gate: gate.clone() };
        (Arc::new(obedient), gate)
    }
}

struct Width(Decoder);

impl Preparer for Width {
    fn prepare(&mut self, file: &[u8]) -> Result<Prepared, Fault> {
        let mut image = RgbImage::new();
        let photo = self.0.decode(file, None, &mut image)?;
        assert!(image.width != PANICS_AT_ONCE, "as a test");
        Ok(Prepared { planes: vec![image.width as u8], photo })
    }
}

impl Classifier for Obedient {
    fn facts(&self) -> &ModelFacts {
        &self.facts
    }

    fn preparer(&self) -> Box<dyn Preparer + '_> {
        Box::new(Width(Decoder::new(DecodeLimits::default())))
    }

    fn probabilities(&self, prepared: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, Fault> {
        self.gate.pass();
        assert!(prepared.iter().all(|width| u32::from(width[0]) != PANICS_LATER), "as a test");
        Ok(vec![vec![1.0, 0.0, 0.0]; prepared.len()])
    }
}

/// A photo of this width.
pub(crate) fn wide(width: u32) -> Vec<u8> {
    photo(1, width, 8)
}
