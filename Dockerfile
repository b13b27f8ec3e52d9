# docker build -t ghl-enrich:0.1.0 .
#
# The image holds the binary, the CA roots and the time zones of its base, the licence and the data credits: no shell,
# no package manager. It runs as 65532 with all capabilities dropped on a read-only root. The one folder it writes to is
# /data, where accepted writes are kept until GHL has them: a volume that must outlive the container.
#
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges -p 8080:8080 -v ghl-enrich:/data \
#     -e ENRICH_HTTP__BIND=0.0.0.0:8080 -e ENRICH_AUTH__KEYS='[{ name = "me", sha256 = "…", roles = ["read", "write"] }]' \
#     -e ENRICH_GHL__LOCATION_ID=… -e ENRICH_GHL__TOKEN_FILE=/run/secrets/ghl-token \
#     -v ./ghl-token.txt:/run/secrets/ghl-token:ro ghl-enrich:0.1.0
#
# No setting is preset here: an ENV would lie over the settings file that a deployment mounts, and the default, loopback,
# is the one that cannot expose anybody's contacts.

FROM rust:1.95-bookworm AS build
WORKDIR /build
# The sandbox is for trying and testing, so the default image goes without; --build-arg FEATURES=demo puts it in.
ARG FEATURES=""

# Dependencies in a layer of their own, remade only when a manifest or the lock file changes: every member of the
# workspace stands there with its manifest and with empty sources.
COPY Cargo.toml Cargo.lock ./
COPY sandbox/Cargo.toml sandbox/
COPY bench/Cargo.toml bench/
RUN mkdir -p src sandbox/src bench/src \
 && touch src/lib.rs sandbox/src/lib.rs \
 && for main in src sandbox/src bench/src; do echo 'fn main() {}' > "$main/main.rs"; done \
 && cargo build --release --locked --no-default-features --features "$FEATURES" --bin ghl-enrich

COPY settings.default.toml ./
COPY sandbox sandbox
COPY src src
# Cargo goes by time stamps, and the empty sources are younger than the real ones.
RUN touch src/*.rs sandbox/src/*.rs \
 && cargo build --release --locked --no-default-features --features "$FEATURES" --bin ghl-enrich \
 && mkdir /data

FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=0.1.0
ARG REVISION=""
LABEL org.opencontainers.image.title="ghl-enrich" \
      org.opencontainers.image.description="One complete, enriched profile for a GoHighLevel contact, served from memory" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY LICENSE NOTICE /usr/share/doc/ghl-enrich/
COPY --from=build /build/target/release/ghl-enrich /usr/local/bin/ghl-enrich
# store.url is relative by default, to this folder.
COPY --from=build --chown=65532:65532 /data /data
VOLUME /data
WORKDIR /data
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 8080 9090
# SIGTERM starts the drain: readiness fails, requests under way finish, exit 0.
STOPSIGNAL SIGTERM
# Asks its own admin port. For Docker and Compose; Kubernetes has its own probes and ignores this one.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/usr/local/bin/ghl-enrich", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/ghl-enrich"]
CMD ["serve"]
