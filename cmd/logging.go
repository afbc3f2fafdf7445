package main

import (
	"context"

	"github.com/go-logr/logr"
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// logging is how the log looks unless flags say otherwise. The stack of an error leads through controller-runtime alone,
// so that only a panic tells it.
func logging() zap.Options {
	return zap.Options{TimeEncoder: zapcore.RFC3339TimeEncoder, StacktraceLevel: zapcore.PanicLevel}
}

// untilStopped makes no errors of what the manager hears from its parts once the context has ended: that they were
// stopped, and that the lease was given back.
func untilStopped(ctx context.Context, logger logr.Logger) logr.Logger {
	return logr.New(stopping{logger.GetSink(), ctx.Done()})
}

// stopping is a sink that turns errors into information once the process is to stop. What is derived from it does not.
type stopping struct {
	logr.LogSink
	stopped <-chan struct{}
}

// Error logs that something went wrong.
func (s stopping) Error(err error, msg string, of ...any) {
	select {
	case <-s.stopped:
		if err != nil {
			msg = err.Error()
		}
		s.Info(0, "Ended", append(of, "because", msg)...)
	default:
		s.LogSink.Error(err, msg, of...)
	}
}
