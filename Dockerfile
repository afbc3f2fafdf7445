# The operator, as a user that is not root, and what the end-to-end test runs beside it (docs/decisions/0125). With
# --target operator it is the operator alone. `make image-archive` makes the same without an engine.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api api
COPY cmd cmd
COPY internal internal
ARG TARGETOS=linux TARGETARCH=amd64
ENV CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH}
RUN go build -trimpath -ldflags '-s -w' -o /partner-operator ./cmd

FROM build AS build-agent
COPY hack hack
RUN go build -C hack -trimpath -ldflags '-s -w' -o /agent ./agent/cmd

FROM scratch AS operator
COPY --from=build /partner-operator /partner-operator
USER 65532:65532
ENTRYPOINT ["/partner-operator"]

FROM operator
COPY --from=build-agent /agent /e2e/agent
