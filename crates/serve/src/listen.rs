//! Connections: how many, how slow they may be, and how they end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutWriter;

use super::ServeError;
use super::classifier::Classifier;
use super::client::Client;
use super::memory;
use super::options::ServeOptions;
use super::places::{Place, Places, Stage};
use super::refusal::Refusal;
use super::routes::router;
use super::service::Service;
use tcolz_base::usage::cores;

/// Connections that wait in the system before they are taken.
const BACKLOG: u32 = 4096;
/// Bytes of the head of a request. Browsers send one or two thousand.
const HEAD_BYTES: usize = 16 * 1024;
/// Bytes of a connection's buffer.
const BUFFER_BYTES: usize = 32 * 1024;
/// Pause after the system refused a connection: mostly, no file may be opened any more.
const AFTER_REFUSED: Duration = Duration::from_millis(50);
/// What a client that was cut off may still be sending is read past for so long and so far, so that it
/// finds our answer and not a reset connection.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 32 << 20;
/// Open files for each connection: it, and the handle by which it is ended gently.
const FILES_A_CONNECTION: u64 = 2;

/// A service that listens and answers once it [runs](Server::run).
pub struct Server {
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<Service>,
    stopper: Stopper,
    stop: watch::Receiver<bool>,
}

/// Stops a service; any thread may.
#[derive(Debug, Clone)]
pub struct Stopper(Arc<watch::Sender<bool>>);

impl Stopper {
    /// Takes no more connections, finishes what is in hand and ends.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Server {
    /// Begins to listen: clients may connect and wait for [`Server::run`].
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn bind(
        options: &ServeOptions,
        classifier: Arc<dyn Classifier>,
    ) -> Result<Server, ServeError> {
        let service = Arc::new(Service::new(options, classifier)?);
        let runtime = Builder::new_multi_thread()
            .worker_threads(cores().min(4))
            .thread_name("tcolz-http")
            .enable_all()
            .build()
            .map_err(ServeError::Start)?;
        let fault = |source| ServeError::Bind { address: options.bind, source };
        let listener = runtime.block_on(async { listen(options.bind) }).map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        let files = options.limits.connections as u64 * FILES_A_CONNECTION;
        if let Err((needed, most)) = tcolz_base::usage::allow_open_files(files) {
            return Err(ServeError::Limit(format!(
                "{} connections need {needed} open files, of which this system allows {most}",
                options.limits.connections
            )));
        }
        let (sender, stop) = watch::channel(false);
        Ok(Server { runtime, listener, address, service, stopper: Stopper(Arc::new(sender)), stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The most memory that this process will hold while it serves, in bytes; `None` where the system does not say what
    /// it holds already. Ask before the first request.
    pub fn most_memory_bytes(&self) -> Option<u64> {
        memory::most_bytes(&self.service)
    }

    /// Something that stops it.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Answers until it is stopped and what was in hand is done. Returns how many connections had to be
    /// cut off because they took longer than the time of grace.
    pub fn run(self) -> usize {
        let Server { runtime, listener, service, mut stop, .. } = self;
        let cut_off = runtime.block_on(async {
            let graceful = GracefulShutdown::new();
            let places = Places::new(service.limits.connections);
            tokio::select! {
                () = accept(&listener, &service, &places, &graceful) => {}
                () = memory::give_back(&service) => {}
                _ = stop.wait_for(|&stopped| stopped) => {}
            }
            service.stopping.store(true, Ordering::Relaxed);
            drop(listener);
            places.dismiss_silent();
            let ended = timeout(service.limits.grace, graceful.shutdown()).await;
            let left = service.metrics.connections.get();
            ended.map_or(usize::try_from(left).unwrap_or(0), |()| 0)
        });
        // Tasks that are left hold the service; its threads end with it.
        runtime.shutdown_timeout(AFTER_REFUSED);
        cut_off
    }
}

/// Begins to listen. The system keeps so many connections that come at a time that none has to be sent again, which would
/// take a second.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As the standard library does: without it the address stays taken for a while after a service has ended.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Takes connections for ever.
async fn accept(
    listener: &TcpListener,
    service: &Arc<Service>,
    places: &Arc<Places>,
    graceful: &GracefulShutdown,
) {
    let limits = &service.limits;
    let router = TowerToHyperService::new(router(Arc::clone(service)));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(BUFFER_BYTES);
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_refused) => {
                sleep(AFTER_REFUSED).await;
                continue;
            }
        };
        let place = Arc::new(places.take(Client::from(address.ip())).await);
        let Some((stream, rest)) = twice(stream) else { continue };
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(limits.write));
        let service = Arc::clone(service);
        let io = TokioIo::new(Box::pin(stream));
        let (asking, router) = (Arc::clone(&place), router.clone());
        let answer =
            service_fn(move |request| answer(router.clone(), Arc::clone(&asking), request));
        let connection = graceful.watch(builder.serve_connection(io, answer));
        tokio::spawn(async move {
            service.metrics.connections.inc();
            let ended = tokio::select! {
                // A client that breaks off or breaks the protocol is its own affair; hyper has answered it.
                _ = connection => true,
                () = place.given_up(Stage::Silent) => false,
            };
            service.metrics.connections.dec();
            if ended {
                place.enter(Stage::Leaving);
                tokio::select! {
                    _ = timeout(LINGER, read_past(rest)) => {}
                    () = place.given_up(Stage::Leaving) => {}
                }
            }
        });
    }
}

/// All paths, as hyper asks for them.
type Answerer = TowerToHyperService<Router>;

/// Answers a request of the connection in this place.
async fn answer(
    router: Answerer,
    place: Arc<Place>,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let stage = if request.body().is_end_stream() { Stage::Answering } else { Stage::Arriving };
    if !place.enter(stage) {
        let message = "too many connections are open: try again";
        return Ok(Refusal::busy(message, 1).closing().into_response());
    }
    request.extensions_mut().insert(Arc::clone(&place));
    let response = router.call(request).await;
    place.enter(Stage::Silent);
    response
}

/// The connection, and a second handle to it that outlives the first.
fn twice(stream: TcpStream) -> Option<(TcpStream, TcpStream)> {
    // Answers are small: each should leave at once.
    let _ = stream.set_nodelay(true);
    let first = stream.into_std().ok()?;
    let second = first.try_clone().ok()?;
    Some((TcpStream::from_std(first).ok()?, TcpStream::from_std(second).ok()?))
}

/// Closes the sending side of a connection and reads what still arrives.
async fn read_past(mut rest: TcpStream) {
    // It may be closed already.
    let _ = rest.shutdown().await;
    let mut buffer = vec![0; 16 * 1024];
    let mut left = LINGER_BYTES;
    while let Ok(bytes @ 1..) = rest.read(&mut buffer).await {
        left = left.saturating_sub(bytes);
        if left == 0 {
            return;
        }
    }
}
