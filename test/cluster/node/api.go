//go:build linux

package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
)

const (
	forwardIdle     = 4 * time.Hour
	forwardCreation = 30 * time.Second
)

// serve serves what the API server asks nodes for: logs and forwarded ports.
func (n *Node) serve(context.Context) error {
	certificate, key, err := cert.GenerateSelfSignedCertKey(Name, []net.IP{net.ParseIP(gateway)}, nil)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(gateway, "0"))
	if err != nil {
		return err
	}
	n.port = listener.Addr().(*net.TCPAddr).Port
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", n.serveLog)
	mux.HandleFunc("/portForward/{namespace}/{pod}", n.servePort)
	n.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: forwardCreation,
		TLSConfig:    &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // streams take over HTTP/1 connections
	}
	n.running.Go(func() { _ = n.server.ServeTLS(listener, "", "") }) // It ends only because the server is closed.
	context.AfterFunc(n.ctx, func() { _ = n.server.Close() })
	return nil
}

func (n *Node) servePort(w http.ResponseWriter, r *http.Request) {
	found := n.find(r.PathValue("namespace"), r.PathValue("pod"))
	if found == nil {
		http.NotFound(w, r)
		return
	}
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, r, found, found.name, "", options, forwardIdle, forwardCreation, portforward.SupportedProtocols)
}

// PortForward joins a stream with a port that is open within the pod, also if it is on the pod's loopback address alone.
func (p *pod) PortForward(_ context.Context, _, _ string, port int32, stream io.ReadWriteCloser) error {
	defer func() { _ = stream.Close() }()
	var conn net.Conn
	err := p.sandbox.within(func() (err error) {
		conn, err = net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))), backendTimeout)
		return err
	})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	join(conn.(*net.TCPConn), closing{stream})
	return nil
}

// closing is a stream that ends in both directions at once.
type closing struct{ io.ReadWriteCloser }

// CloseWrite ends it.
func (c closing) CloseWrite() error { return c.Close() }

// serveLog gives the end of what a container printed.
func (n *Node) serveLog(w http.ResponseWriter, r *http.Request) {
	found := n.find(r.PathValue("namespace"), r.PathValue("pod"))
	if found == nil {
		http.NotFound(w, r)
		return
	}
	file := filepath.Join(found.folder, filepath.Base(r.PathValue("container"))+".log")
	if r.URL.Query().Get("previous") == "true" {
		file += ".previous"
	}
	content, err := os.ReadFile(file)
	if err != nil {
		http.Error(w, "it has printed nothing", http.StatusNotFound)
		return
	}
	_, _ = w.Write(tail(content, r.URL.Query().Get("tailLines"))) // If the client has left, there is nobody to tell.
}

// tail is the last lines of a text, all if it is not told how many.
func tail(text []byte, lines string) []byte {
	wanted, err := strconv.Atoi(lines)
	if err != nil {
		return text
	}
	at := len(text)
	for range wanted + 1 {
		if at = bytes.LastIndexByte(text[:max(at, 0)], '\n'); at < 0 {
			return text
		}
	}
	return text[at+1:]
}
