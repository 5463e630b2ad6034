FROM node:22-bookworm-slim AS build
WORKDIR /usr/local/lib/net-routed
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json ./
COPY src src
COPY native native
COPY Makefile ./
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc make musl-tools \
 && make cni
RUN npx tsc \
 && src/bundle.sh \
 && npm ls --omit=dev --all --parseable | sed -n "s|^$PWD/||p" | grep koffi >keep \
 && install -D -m 0755 src/net-routed.sh bin/net-routed \
 && mkdir /app && tar -c package.json bin dist/bundle -T keep | tar -x -C /app

FROM node:22-bookworm-slim
# iptables brings both flavours, nft and legacy: the daemon uses the one that holds the host's rules.
RUN apt-get update \
 && apt-get install -y --no-install-recommends iproute2 iptables nftables \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /app /usr/local/lib/net-routed
RUN ln -s ../lib/net-routed/bin/net-routed /usr/local/bin/net-routed
ENTRYPOINT ["net-routed"]
