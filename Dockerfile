# The operator and nothing else, as a user that is not root. `make image-archive` makes the same without an engine.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api api
COPY cmd cmd
COPY internal internal
ARG TARGETOS=linux TARGETARCH=amd64
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath -ldflags '-s -w' -o /partner-operator ./cmd

FROM scratch
COPY --from=build /partner-operator /partner-operator
USER 65532:65532
ENTRYPOINT ["/partner-operator"]
