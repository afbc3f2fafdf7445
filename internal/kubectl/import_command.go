package kubectl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/partner-operator/partner-operator/internal/roster"
)

// importFlags are those of kubectl partner import.
type importFlags struct {
	*writing
	mapped, programs []string
	nameSalt         string
	labels           map[string]string
	send             bool
	parallel         int
}

func newImport(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	f := &importFlags{writing: newWriting()}
	command := &cobra.Command{
		Use:   "import FILE",
		Short: "Make partners of the rows of a CSV file",
		Long: `Make a Partnership of each row and program of a CSV file, after judging all of it. Each person is invited by mail, and is a
partner once they accept; with --send-invites=false each is a partner at once, and no mail is sent. One result is told for
each row: created, unchanged, skipped or failed. What exists is never changed, so the same file can be imported again, and
nobody who was revoked or rejected comes back by it. It ends with 2 if rows failed.

The first line names the columns; only email is needed:
  email, first_name, last_name, display_name, job_title, phone, stage, portal_access (Enabled or Disabled),
  valid_until (2027-06-30), field.NAME (a custom field),
  program (referral, referral:gold, or several as referral:gold|reseller), group (of the program),
  team (the row is that PartnerTeam, and the person its first owner), team_name
The usual headers of other platforms, such as Email Address or Affiliate First Name, are known; --map says what others mean.
Cells are separated by commas, semicolons or tabs.

With plain kubectl: apply what -o yaml --dry-run=client prints.`,
		Example: `  # look first; this tells what the real run tells
  kubectl partner import partners.csv --program referral --dry-run=server

  # partners from another platform, who agreed before: no mail
  kubectl partner import export.csv --program referral --map 'Company=display_name' --map 'Key=field.key' --send-invites=false

  # for Git; this needs no cluster
  kubectl partner import partners.csv -o yaml --dry-run=client > partners.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return f.run(command.Context(), c, streams, args[0])
		},
	}
	flags := command.Flags()
	flags.StringArrayVar(&f.mapped, "map", nil, "HEADER=COLUMN says what a header means, HEADER=- leaves it out; may be repeated")
	flags.StringSliceVar(&f.programs, "program", nil, "PROGRAM or PROGRAM:GROUP, for rows that name none; several with commas")
	flags.StringToStringVar(&f.labels, "label", nil, "labels NAME=VALUE for all that is made, to select it by later")
	flags.StringVar(&f.nameSalt, "name-salt", "", nameSaltUsage)
	flags.BoolVar(&f.send, "send-invites", true, "invite each person; false: each is a partner at once, and no mail is sent")
	flags.IntVar(&f.parallel, "parallel", 8, "how many rows are worked on at once")
	f.addFlags(command)
	flags.Lookup("output").Usage = "report: one line of JSON for each row; or json, yaml, name and so on: the objects that are made"
	completeWith(command, "program", completeNames(c, programs))
	return command
}

func (f *importFlags) options() (o ImportOptions, err error) {
	if o.Map, err = roster.ParseMap(f.mapped); err != nil {
		return o, fmt.Errorf("--map %w", err)
	}
	if o.Programs, err = roster.ParseGrants(f.programs, ""); err != nil {
		return o, fmt.Errorf("--program %w", err)
	}
	if f.parallel < 1 || f.parallel > 64 {
		return o, errors.New("--parallel can be 1 to 64")
	}
	o.Send, o.Labels, o.Parallel, o.NameSalt = f.send, f.labels, f.parallel, f.nameSalt
	return o, nil
}

func (f *importFlags) run(ctx context.Context, c cluster, streams genericiooptions.IOStreams, name string) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	asReport := *f.print.OutputFormat == "report"
	if asReport {
		*f.print.OutputFormat = ""
	}
	d, tell, err := f.offline(c, streams)
	if err != nil {
		return err
	}
	file, done, err := openRoster(name, streams.In)
	if err != nil {
		return err
	}
	defer done()
	bar := newProgress(streams.ErrOut)
	o.Warn = func(text string) { tell.warn("%s", text) }
	o.Begin = func(rows, unusable int) {
		if unusable > 0 {
			tell.warn("%d of %d rows cannot be used; the others go on", unusable, rows)
		}
		bar.begin(rows)
	}
	o.Report = func(r RowResult) error {
		bar.hide()
		err := reportRow(tell, r, asReport)
		bar.step(r.Result == RowFailed)
		return err
	}
	counts, err := Import(ctx, d, file, o)
	bar.hide()
	return summarize(streams.ErrOut, name, counts, d.DryRun, err)
}

// reportRow tells about one row.
func reportRow(tell *teller, r RowResult, asReport bool) error {
	switch {
	case asReport:
		return json.NewEncoder(tell.Out).Encode(r)
	case tell.printer == nil:
		_, err := fmt.Fprintln(tell.Out, r.line())
		return err
	case r.Result == RowFailed || r.Result == RowSkipped:
		if _, err := fmt.Fprintln(tell.ErrOut, r.line()); err != nil {
			return err
		}
	}
	for _, object := range r.made {
		if err := tell.tell(Outcome{Object: object}); err != nil {
			return err
		}
	}
	return nil
}

// line is a result as a person reads it.
func (r RowResult) line() string {
	text := fmt.Sprintf("line %d: %s", r.Line, r.Result)
	if r.Who != "" {
		text += " " + r.Who
	}
	if len(r.Objects) > 0 {
		text += " (" + strings.Join(r.Objects, ", ") + ")"
	}
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return text
}

// summarize tells how it went altogether.
func summarize(w io.Writer, name string, counts map[string]int, mode DryRun, err error) error {
	if counts == nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	all := 0
	var parts []string
	for _, result := range []string{RowCreated, RowUnchanged, RowSkipped, RowFailed} {
		all += counts[result]
		parts = append(parts, fmt.Sprintf("%d %s", counts[result], result))
	}
	_, _ = fmt.Fprintf(w, "%s%s\n", strings.Join(parts, ", "), dryRunSuffix(mode))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if failed := counts[RowFailed]; failed > 0 {
		return &Incomplete{failed, all}
	}
	return nil
}

// openRoster opens a file that can be read twice. The standard input is kept in a file meanwhile.
func openRoster(name string, stdin io.Reader) (file io.ReadSeeker, done func(), err error) {
	if name != "-" {
		opened, err := os.Open(name) //nolint:gosec // the person who runs it names the file
		if err != nil {
			return nil, nil, err
		}
		info, err := opened.Stat()
		if err == nil && info.Mode().IsRegular() {
			if info.Size() > longest {
				err = fmt.Errorf("%s is longer than %d MiB; split it", name, longest>>20)
			}
			return opened, func() { _ = opened.Close() }, err
		}
		defer func() { _ = opened.Close() }()
		stdin = opened // a pipe, as in <(command)
	}
	kept, err := os.CreateTemp("", "partner-import-")
	if err != nil {
		return nil, nil, err
	}
	done = func() {
		_ = kept.Close()
		_ = os.Remove(kept.Name())
	}
	written, err := io.Copy(kept, io.LimitReader(stdin, longest+1))
	if err == nil && written > longest {
		err = fmt.Errorf("the input is longer than %d MiB; split it", longest>>20)
	}
	if err == nil {
		_, err = kept.Seek(0, io.SeekStart)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return kept, done, nil
}
