# The micro-service alone: tcolz serve, not run as root, nothing written to disk.
#
#   docker build -t tcolz .
#   docker run --rm --read-only -p 127.0.0.1:5000:5000 -v "$PWD/best.safetensors:/model.safetensors:ro" tcolz
#
# Written where there is no Docker: the set of files that it copies was checked with cargo, the image was never built.
#
# The container listens on all of its own addresses; -p 127.0.0.1:… lets only this machine in. It is asked by address or as
# localhost; for another name, such as a service's in a cluster, give the whole command: serve /model.safetensors --bind 0.0.0.0:5000 --host NAME.

FROM rust:1-slim-bookworm AS build
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends cmake make nasm g++ \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /tcolz
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY crates crates
COPY benches benches
COPY examples examples
COPY README.md ./
RUN cargo build --release --locked --bin tcolz && strip target/release/tcolz

FROM debian:bookworm-slim
COPY --from=build /tcolz/target/release/tcolz /tcolz
# nobody, by number, so that a cluster can tell that it is not root
USER 65534:65534
EXPOSE 5000
STOPSIGNAL SIGTERM
ENTRYPOINT ["/tcolz"]
CMD ["serve", "/model.safetensors", "--bind", "0.0.0.0:5000"]
