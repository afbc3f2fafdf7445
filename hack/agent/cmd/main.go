// Command cmd is the agent of the end-to-end test, which the operator's image holds as /e2e/agent. It needs nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/partner-operator/partner-operator/hack/agent"
)

func main() {
	smtp := flag.String("smtp", fmt.Sprintf(":%d", agent.SMTPPort), "the address of the mail server")
	control := flag.String("control", fmt.Sprintf("127.0.0.1:%d", agent.ControlPort), "the address for the test, which can reach through it all that this machine can")
	flag.Parse()
	if err := run(*smtp, *control); err != nil {
		fmt.Fprintln(os.Stderr, "agent: "+err.Error())
		os.Exit(1)
	}
}

func run(smtp, control string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a, err := agent.Start(smtp, control)
	if err != nil {
		return err
	}
	fmt.Printf("mail at %s, the test at %s\n", a.SMTPAddr(), a.ControlAddr())
	<-ctx.Done()
	return a.Close()
}
