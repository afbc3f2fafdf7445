//go:build linux

package node

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// probe asks until the process has ended, and tells when the answer is another for long enough.
func (c *container) probe(p *corev1.Probe, exited <-chan struct{}, tell func(bool)) {
	if p == nil {
		return
	}
	period, timeout := time.Duration(max(p.PeriodSeconds, 1))*time.Second, time.Duration(max(p.TimeoutSeconds, 1))*time.Second
	wait := time.Duration(p.InitialDelaySeconds) * time.Second
	client := &http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true}}
	good, bad, told := int32(0), int32(0), false
	for {
		select {
		case <-exited:
			return
		case <-time.After(wait):
		}
		wait = period
		if err := c.ask(p, client, timeout); err == nil {
			good, bad = good+1, 0
		} else {
			good, bad = 0, bad+1
			if !told {
				wait = min(period, time.Second) // A pod that starts is not kept waiting.
			}
		}
		switch {
		case good >= max(p.SuccessThreshold, 1):
			told = true
			tell(true)
		case bad >= max(p.FailureThreshold, 1):
			tell(false)
		}
	}
}

func (c *container) ask(p *corev1.Probe, client *http.Client, timeout time.Duration) error {
	switch {
	case p.HTTPGet != nil:
		scheme := "http"
		if p.HTTPGet.Scheme != "" {
			scheme = strings.ToLower(string(p.HTTPGet.Scheme))
		}
		ctx, cancel := context.WithTimeout(c.pod.node.ctx, timeout)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+c.address(p.HTTPGet.Port)+p.HTTPGet.Path, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode >= http.StatusBadRequest {
			return fmt.Errorf("the status is %d", response.StatusCode)
		}
		return nil
	case p.TCPSocket != nil:
		conn, err := net.DialTimeout("tcp", c.address(p.TCPSocket.Port), timeout)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	return fmt.Errorf("the probe of %s is of a kind that this node does not know", c.Name)
}

// address is that of a port of the container, by its name or number.
func (c *container) address(port intstr.IntOrString) string {
	number := port.IntValue()
	for _, named := range c.Ports {
		if port.Type == intstr.String && named.Name == port.StrVal {
			number = int(named.ContainerPort)
		}
	}
	return net.JoinHostPort(c.pod.sandbox.ip, strconv.Itoa(number))
}
