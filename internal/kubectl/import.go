package kubectl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/roster"
)

// ImportOptions tell how to import a roster.
type ImportOptions struct {
	// Map says what headers mean; what it does not name is known by itself.
	Map map[string]roster.Column
	// Programs are the programs of rows that name none.
	Programs []roster.Grant
	// Send invites each person, who is a partner once they accept. Otherwise each is a partner at once, without a mail.
	Send bool
	// NameSalt is what names are made with in place of the salt of each program; empty: with that.
	NameSalt string
	// Labels are put on everything that is made.
	Labels map[string]string
	// Parallel is how many rows are worked on at once.
	Parallel int
	// Warn tells what concerns the whole file; Begin how many rows there are, and how many of them cannot be used.
	Warn  func(text string)
	Begin func(rows, unusable int)
	// Report gets one result for each row, in the order of the file.
	Report func(RowResult) error
}

// The results of a row.
const (
	// RowCreated: at least one object was made.
	RowCreated = "created"
	// RowUnchanged: everything is as the row says.
	RowUnchanged = "unchanged"
	// RowSkipped: there is something else, which an import does not touch; the reason says what.
	RowSkipped = "skipped"
	// RowFailed: the row cannot be used; the reason says why.
	RowFailed = "failed"
)

// RowResult is what became of a row.
type RowResult struct {
	// Line is where the row begins, Who the address or the team.
	Line int    `json:"line"`
	Who  string `json:"who,omitempty"`
	// Result is created, unchanged, skipped or failed, and Reason says why.
	Result string `json:"result"`
	Reason string `json:"reason,omitempty"`
	// Objects are the names of the Partnerships of the row.
	Objects []string `json:"objects,omitempty"`

	made []client.Object
}

// Import makes partners of the rows of a roster. It reads the file twice: to judge all of it, and to do it, so that it
// never holds more than a few rows. The same file again changes nothing, and nothing that exists is ever changed.
func Import(ctx context.Context, d Desk, file io.ReadSeeker, o ImportOptions) (counts map[string]int, err error) {
	reader, err := roster.NewReader(file, o.Map)
	if err != nil {
		return nil, err
	}
	if unknown := reader.Unknown(); len(unknown) > 0 {
		o.Warn(fmt.Sprintf("these columns mean nothing here and are left out: %s; --map HEADER=COLUMN says what they mean", strings.Join(unknown, ", ")))
	}
	there, err := look(ctx, d, reader.Columns())
	if err != nil {
		return nil, err
	}
	there.salts = newSalts(there.catalog, o.NameSalt, there.offline)
	if there.salts.unsalted {
		o.Warn(unsaltedWarning)
	}
	rows, unusable, err := judge(reader, newPlanner(d, o, there))
	if err != nil {
		return nil, err
	}
	if rows == 0 {
		return nil, errors.New("it has a header and no rows")
	}
	o.Begin(rows, unusable)
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if reader, err = roster.NewReader(file, o.Map); err != nil {
		return nil, err
	}
	return carryOut(ctx, reader, newPlanner(d, o, there))
}

// judge goes through the whole file once, and writes nothing.
func judge(reader *roster.Reader, p *planner) (rows, unusable int, err error) {
	for {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return rows, unusable, nil
		}
		if err != nil {
			return rows, unusable, err
		}
		rows++
		if p.plan(row).result.Result == RowFailed {
			unusable++
		}
	}
}

// job is a row on its way.
type job struct {
	plan plan
	done chan error
}

// carryOut works on a few rows at once, and reports them in the order of the file.
func carryOut(ctx context.Context, reader *roster.Reader, p *planner) (counts map[string]int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	todo, queue := make(chan *job), make(chan *job, 4*p.Parallel)
	var workers sync.WaitGroup
	for range p.Parallel {
		workers.Go(func() {
			for j := range todo {
				j.done <- p.do(ctx, &j.plan)
			}
		})
	}
	var readErr error
	workers.Go(func() {
		defer close(queue)
		defer close(todo)
		readErr = p.feed(ctx, reader, todo, queue)
	})
	counts = map[string]int{}
	for j := range queue {
		if doErr := <-j.done; err == nil {
			if err = doErr; err == nil {
				counts[j.plan.result.Result]++
				err = p.Report(j.plan.result)
			}
			if err != nil {
				err = fmt.Errorf("stopped before line %d; the same command goes on from there: %w", j.plan.result.Line, err)
				cancel()
			}
		}
	}
	cancel()
	workers.Wait()
	if err == nil {
		err = readErr
	}
	return counts, err
}

// feed plans row after row.
func (p *planner) feed(ctx context.Context, reader *roster.Reader, todo, queue chan<- *job) error {
	for {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		j := &job{plan: p.plan(row), done: make(chan error, 1)}
		select {
		case queue <- j:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case todo <- j:
		case <-ctx.Done():
			j.done <- ctx.Err()
			return ctx.Err()
		}
	}
}

// plan is what a row leads to.
type plan struct {
	result RowResult
	// team is the team that the row needs and that is not there, and partnerships are those to have; nil: none.
	team         *sharedTeam
	partnerships []*v1alpha1.Partnership
}

// sharedTeam is a team that rows of the file need. The first of them says what it is called, and whichever comes to it first
// makes it for all.
type sharedTeam struct {
	object *v1alpha1.PartnerTeam
	line   int
	once   sync.Once
	err    error
}

func (t *sharedTeam) make(ctx context.Context, d Desk) error {
	t.once.Do(func() { t.err = d.create(ctx, t.object) })
	return t.err
}

// planner judges rows one after the other.
type planner struct {
	ImportOptions
	desk  Desk
	there *existing
	// lines are those on which each partner was first seen, owners are the owners of the teams of the file.
	lines  map[partnerKey]int
	owners map[string]string
	teams  map[string]*sharedTeam
}

func newPlanner(d Desk, o ImportOptions, there *existing) *planner {
	return &planner{ImportOptions: o, desk: d, there: there, lines: map[partnerKey]int{}, owners: map[string]string{}, teams: map[string]*sharedTeam{}}
}

// plan judges a row by itself, by those before it and by what there is.
func (p *planner) plan(row roster.Row) plan {
	made := plan{result: RowResult{Line: row.Line, Who: row.Email}}
	if row.Team != "" {
		made.result.Who = "team " + row.Team
	}
	if row.Problem == nil {
		row.Grants, row.Problem = p.grants(row.Grants)
	}
	if row.Problem == nil && row.Team != "" {
		row.Problem = p.owned(row)
	}
	if row.Problem != nil {
		return made.fail(row.Problem)
	}
	if row.Team != "" && !p.there.teams[row.Team].found {
		if p.teams[row.Team] == nil {
			p.teams[row.Team] = &sharedTeam{object: teamOf(p.desk.Namespace, row, p.Labels), line: row.Line}
		}
		made.team = p.teams[row.Team]
	}
	for _, grant := range row.Grants {
		wish := p.wish(row, grant)
		key := keyOfPartner(wish)
		if line, seen := p.lines[key]; seen {
			made.skip(fmt.Sprintf("line %d has the same partner in program %q", line, grant.Program))
			continue
		}
		p.lines[key] = row.Line
		made.partnerships = append(made.partnerships, wish)
	}
	return made
}

func (m *plan) fail(err error) plan {
	m.result.Result, m.result.Reason = RowFailed, err.Error()
	m.team, m.partnerships = nil, nil
	return *m
}

// skip notes what is left out; making something else of the row weighs more.
func (m *plan) skip(reason string) {
	if m.result.Result == "" || m.result.Result == RowUnchanged {
		m.result.Result = RowSkipped
	}
	m.note(reason)
}

func (m *plan) note(reason string) {
	if m.result.Reason != "" {
		reason = m.result.Reason + "; " + reason
	}
	m.result.Reason = reason
}

// grants are the programs of a row, checked.
func (p *planner) grants(named []roster.Grant) ([]roster.Grant, error) {
	switch {
	case len(named) == 0:
		named = p.Programs
	case named[0].Program == "": // the row names a group alone
		if len(p.Programs) != 1 {
			return nil, errors.New("names a group without a program; add the column program, or give one program with --program")
		}
		named = []roster.Grant{{Program: p.Programs[0].Program, Group: named[0].Group}}
	}
	if len(named) == 0 {
		return nil, errors.New("names no program; add the column program, or give one with --program")
	}
	for _, grant := range named {
		if err := p.there.offers(grant); err != nil {
			return nil, err
		}
	}
	return named, nil
}

// owned tells whether a team has one owner only, here and there.
func (p *planner) owned(row roster.Row) error {
	owner := address.Normalize(row.Email)
	if there := p.there.teams[row.Team]; there.found && there.owner != owner {
		return fmt.Errorf("PartnerTeam %q exists with another first owner", row.Team)
	}
	if earlier, seen := p.owners[row.Team]; seen && earlier != owner {
		return fmt.Errorf("the team %q stands in an earlier line with another owner", row.Team)
	}
	p.owners[row.Team] = owner
	return nil
}

func teamOf(namespace string, row roster.Row, labels map[string]string) *v1alpha1.PartnerTeam {
	display := row.TeamName
	if display == "" {
		display = row.Team
	}
	return &v1alpha1.PartnerTeam{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: row.Team, Labels: labels},
		Spec: v1alpha1.PartnerTeamSpec{DisplayName: v1alpha1.LineOfText(display), Owner: v1alpha1.TeamOwner{
			Email: v1alpha1.EmailAddress(row.Email), FirstName: v1alpha1.LineOfText(row.FirstName), LastName: v1alpha1.LineOfText(row.LastName),
		}},
	}
}

// wish is the partnership that a row asks for.
func (p *planner) wish(row roster.Row, grant roster.Grant) *v1alpha1.Partnership {
	var wish *v1alpha1.Partnership
	if row.Team != "" {
		wish = teamPartnership(p.desk.Namespace, row.Team, grant)
	} else {
		wish = &v1alpha1.Partnership{
			ObjectMeta: metav1.ObjectMeta{Namespace: p.desk.Namespace},
			Spec: v1alpha1.PartnershipSpec{
				ProgramRef: v1alpha1.ProgramReference{Name: grant.Program},
				Contact: &v1alpha1.Contact{
					Email: v1alpha1.EmailAddress(row.Email), FirstName: v1alpha1.LineOfText(row.FirstName), LastName: v1alpha1.LineOfText(row.LastName),
					JobTitle: v1alpha1.LineOfText(row.JobTitle), Phone: v1alpha1.LineOfText(row.Phone),
				},
			},
		}
		if grant.Group != "" {
			wish.Spec.GroupRef = &v1alpha1.GroupReference{Name: grant.Group}
		}
	}
	wish.Name, wish.Labels = partnership.Names(wish.Spec, p.there.salts.of(grant.Program))[0], p.Labels
	wish.Spec.DisplayName, wish.Spec.Stage = v1alpha1.LineOfText(row.DisplayName), v1alpha1.LineOfText(row.Stage)
	wish.Spec.Source, wish.Spec.PortalAccess = v1alpha1.SourceImport, v1alpha1.PortalAccess(row.PortalAccess)
	if p.Send {
		wish.Spec.Invitation = v1alpha1.InvitationSend
	}
	if !row.ValidUntil.IsZero() {
		wish.Spec.ValidUntil = v1alpha1.NewTimestamp(row.ValidUntil)
	}
	for name, value := range row.Custom {
		if wish.Spec.CustomFields == nil {
			wish.Spec.CustomFields = v1alpha1.CustomFields{}
		}
		wish.Spec.CustomFields[name] = v1alpha1.CustomFieldValue(value)
	}
	return wish
}

// do carries a plan out. An error is one that every other row would meet as well.
func (p *planner) do(ctx context.Context, m *plan) error {
	if m.result.Result == RowFailed {
		return nil
	}
	for _, wish := range m.partnerships {
		if err := p.have(ctx, m, wish); err != nil {
			return err
		}
	}
	if m.team != nil && m.result.Result != RowFailed {
		err := m.team.make(ctx, p.desk)
		switch {
		case err != nil && !apierrors.IsAlreadyExists(err): // somebody else was faster
			return p.failed(ctx, m, "PartnerTeam", m.team.object.Name, err)
		case m.result.Line == m.team.line:
			m.result.Result = RowCreated
			m.result.made = append([]client.Object{m.team.object}, m.result.made...)
		}
	}
	if m.result.Result == "" {
		m.result.Result = RowUnchanged
	}
	return nil
}

// have makes a partnership, unless it is there.
func (p *planner) have(ctx context.Context, m *plan, wish *v1alpha1.Partnership) error {
	known, found := p.there.partners[keyOfPartner(wish)]
	if !found {
		names := partnership.Names(wish.Spec, p.there.salts.of(wish.Spec.ProgramRef.Name))
		there, made, err := accept.CreateAs(ctx, p.desk.create, p.desk.Client, wish, names)
		if err != nil {
			return p.failed(ctx, m, "Partnership", wish.Name, err)
		}
		if made {
			m.result.Objects = append(m.result.Objects, there.Name)
			m.result.made = append(m.result.made, there)
			if m.result.Result != RowFailed {
				m.result.Result = RowCreated
			}
			return nil
		}
		known = knownPartner{name: there.Name}
	}
	m.result.Objects = append(m.result.Objects, known.name)
	reason, err := p.there.compare(ctx, p.desk, known, wish)
	switch {
	case err != nil:
		return p.failed(ctx, m, "Partnership", known.name, err)
	case reason != "":
		m.skip(reason)
	}
	return nil
}

// failed notes that a row failed, unless all would. A policy judges each row by its program.
func (p *planner) failed(ctx context.Context, m *plan, kind, name string, err error) error {
	var unreachable *url.Error
	if ctx.Err() != nil || apierrors.IsForbidden(err) && policyRefusal(err) == "" || apierrors.IsUnauthorized(err) || errors.As(err, &unreachable) {
		return about(kind, name, err)
	}
	m.result.Result = RowFailed
	m.note(about(kind, name, err).Error())
	return nil
}
