package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// bareCommand, followed by an address, makes this program a bare HTTP server.
const bareCommand = "bare"

// bareDestination is where the bare redirect leads.
const bareDestination = "https://acme.example/start?ref=link-1"

// serveBare answers what the pages are compared with: a redirect, and a page of as many bytes as it is asked for.
func serveBare(at string) {
	mux := http.NewServeMux()
	mux.Handle("/redirect", http.RedirectHandler(bareDestination, http.StatusFound))
	page := make([]byte, 1<<16)
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		size := 0
		if _, err := fmt.Sscan(r.URL.Query().Get("size"), &size); err != nil || size > len(page) {
			http.Error(w, "size", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page[:size])
	})
	server := &http.Server{Addr: at, Handler: mux, ReadHeaderTimeout: time.Second}
	if err := server.ListenAndServe(); err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

// startBare runs the bare server in a process of its own, as the operator is.
func startBare(ctx context.Context) (base string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	at := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return "", nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	command := exec.CommandContext(ctx, self, bareCommand, at)
	if err := command.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}
	for ctx.Err() == nil {
		connection, err := net.Dial("tcp", at)
		if err == nil {
			return "http://" + at, stop, connection.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	return "", nil, ctx.Err()
}

// hit asks for a page.
type hit struct {
	// path is where; header are further lines of it, each with its end.
	path, header string
	// code is what is answered.
	code int
}

// rate opens pages over a kept connection for each visitor, as cheaply as can be, and gives how many a second, and how
// long each took.
func rate(ctx context.Context, host string, count int, next func(n int) hit) (perSecond float64, took []time.Duration, err error) {
	const connections = visitors
	shares := make([][]time.Duration, connections)
	began := time.Now()
	err = each(ctx, connections, connections, func(ctx context.Context, c int) error {
		for len(shares[c]) < count/connections {
			done, err := hits(ctx, host, count/connections-len(shares[c]), func(n int) hit { return next(c + connections*(len(shares[c])+n)) })
			shares[c] = append(shares[c], done...)
			if err != nil {
				return err
			}
			if len(done) == 0 {
				return errors.New("no request is answered")
			}
		}
		return nil
	})
	perSecond = float64(count/connections*connections) / time.Since(began).Seconds()
	for _, share := range shares {
		took = append(took, share...)
	}
	return perSecond, took, err
}

// hits opens pages over one connection, as long as the server keeps it.
func hits(ctx context.Context, host string, count int, next func(n int) hit) (took []time.Duration, err error) {
	connection, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close() }()
	answers := bufio.NewReader(connection)
	for n := range count {
		h, began := next(n), time.Now()
		if _, err := fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", h.path, host, h.header); err != nil {
			return took, err
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			return took, err
		}
		_, err = io.Copy(io.Discard, response.Body)
		if closed := response.Body.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return took, err
		}
		if response.StatusCode != h.code {
			return took, fmt.Errorf("%s answers %d, not %d", h.path, response.StatusCode, h.code)
		}
		took = append(took, time.Since(began))
		if response.Close || ctx.Err() != nil {
			return took, ctx.Err()
		}
	}
	return took, nil
}
