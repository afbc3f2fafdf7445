package roster

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// Grant is a program, and a group in it.
type Grant struct{ Program, Group string }

// Row is one person, or one team with the person who owns it.
type Row struct {
	// Line is the number of the line on which the row begins; the header is line 1.
	Line int

	Email, FirstName, LastName, DisplayName, JobTitle, Phone string
	// Grants are the programs of the row. Empty: the file names none.
	Grants []Grant
	// Team is the name of the team; empty: the row is a person.
	Team, TeamName string
	Stage          string
	// PortalAccess is Enabled, Disabled or empty.
	PortalAccess string
	// ValidUntil is when the partnership ends; zero: never.
	ValidUntil time.Time
	// Custom are the custom fields.
	Custom map[string]string

	// Problem is why the row cannot be used; nil: it can.
	Problem error
}

// Reader reads a roster row by row, so that its length does not matter.
type Reader struct {
	rows    *csv.Reader
	columns []Column
	unknown []string
}

// maxHeader is how far the end of the header is looked for.
const maxHeader = 64 << 10

// NewReader reads the header. The file is UTF-8, with or without a mark at its start; cells are separated by commas,
// semicolons or tabs, whichever the header has most of.
func NewReader(file io.Reader, mapped map[string]Column) (*Reader, error) {
	buffered := bufio.NewReaderSize(file, maxHeader)
	if start, _ := buffered.Peek(3); bytes.Equal(start, []byte("\xef\xbb\xbf")) {
		_, _ = buffered.Discard(3)
	}
	start, _ := buffered.Peek(maxHeader)
	if bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff")) || bytes.IndexByte(start, 0) >= 0 {
		return nil, errors.New("it is not UTF-8 text; save it as CSV UTF-8")
	}
	rows := csv.NewReader(buffered)
	rows.Comma, rows.FieldsPerRecord, rows.ReuseRecord = separator(start), -1, true
	header, err := rows.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty; the first line must name the columns")
	case err != nil:
		return nil, fmt.Errorf("its header cannot be read: %w", err)
	}
	r := &Reader{rows: rows}
	r.columns, r.unknown, err = columnsOf(slices.Clone(header), mapped)
	return r, err
}

// separator is the mark between cells that the header has most of, outside of quotes.
func separator(start []byte) rune {
	counts, quoted := map[byte]int{}, false
	for _, c := range start {
		if c == '"' {
			quoted = !quoted
		}
		if c == '\n' && !quoted {
			break
		}
		if !quoted {
			counts[c]++
		}
	}
	best := byte(',')
	for _, mark := range []byte{';', '\t'} {
		if counts[mark] > counts[best] {
			best = mark
		}
	}
	return rune(best)
}

// Unknown are the headers that mean nothing here; their cells are left out.
func (r *Reader) Unknown() []string { return r.unknown }

// Has tells whether the file has a column.
func (r *Reader) Has(column Column) bool { return slices.Contains(r.columns, column) }

// Read gives the next row; io.EOF: there is none. A row that cannot be used comes with its Problem.
func (r *Reader) Read() (Row, error) {
	for {
		cells, err := r.rows.Read()
		var wrong *csv.ParseError
		switch {
		case errors.As(err, &wrong):
			return Row{Line: wrong.StartLine, Problem: fmt.Errorf("cannot be read as CSV: %w", wrong.Err)}, nil
		case err != nil:
			return Row{}, err
		case !slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) != "" }):
			continue // an empty line of a spreadsheet
		}
		line, _ := r.rows.FieldPos(0)
		return r.parse(line, cells), nil
	}
}

// parse makes a row of cells.
func (r *Reader) parse(line int, cells []string) Row {
	row := Row{Line: line}
	if len(cells) != len(r.columns) {
		row.Problem = fmt.Errorf("has %d cells, and the header has %d", len(cells), len(r.columns))
		return row
	}
	var programs, group string
	for i, cell := range cells {
		cell = strings.TrimSpace(strings.Clone(cell))
		if !utf8.ValidString(cell) {
			row.Problem = errors.New("is not UTF-8 text; save the file as CSV UTF-8")
			return row
		}
		switch r.columns[i] {
		case ColumnProgram:
			programs = cell
		case ColumnGroup:
			group = cell
		default:
			if err := row.set(r.columns[i], cell); err != nil && row.Problem == nil {
				row.Problem = fmt.Errorf("column %s: %w", r.columns[i], err)
			}
		}
	}
	if row.Problem == nil {
		row.Grants, row.Problem = ParseGrants(strings.Split(programs, "|"), group)
	}
	return row
}

// set puts one cell in its place.
func (r *Row) set(column Column, cell string) error {
	if name, custom := strings.CutPrefix(string(column), CustomPrefix); custom {
		if utf8.RuneCountInString(cell) > maxCustom {
			return fmt.Errorf("is longer than %d characters", maxCustom)
		}
		if cell != "" {
			if r.Custom == nil {
				r.Custom = map[string]string{}
			}
			r.Custom[name] = cell
		}
		return nil
	}
	switch column {
	case ColumnEmail:
		r.Email = cell
		if cell == "" {
			return errors.New("is empty")
		}
		if _, err := address.Deliverable(cell); err != nil {
			return fmt.Errorf("the address %w", err)
		}
	case ColumnValidUntil:
		return r.setValidUntil(cell)
	case ColumnPortalAccess:
		return r.setPortalAccess(cell)
	default:
		return r.setText(column, cell)
	}
	return nil
}

// setText puts one line of text in its place.
func (r *Row) setText(column Column, cell string) error {
	place := r.texts()[column]
	switch {
	case place == nil: // it is left out
	case strings.ContainsFunc(cell, v1alpha1.IsControl):
		return errors.New("has a line break, or another character that cannot be seen")
	case utf8.RuneCountInString(cell) > limits[column]:
		return fmt.Errorf("is longer than %d characters", limits[column])
	case column == ColumnTeam && cell != "" && len(validation.IsDNS1123Subdomain(cell)) > 0:
		return fmt.Errorf("%q is no name of a team; use lower-case letters, digits and hyphens", cell)
	default:
		*place = cell
	}
	return nil
}

// texts are the places of the columns that hold any text.
func (r *Row) texts() map[Column]*string {
	return map[Column]*string{
		ColumnFirstName: &r.FirstName, ColumnLastName: &r.LastName, ColumnDisplayName: &r.DisplayName, ColumnJobTitle: &r.JobTitle,
		ColumnPhone: &r.Phone, ColumnTeam: &r.Team, ColumnTeamName: &r.TeamName, ColumnStage: &r.Stage,
	}
}

func (r *Row) setPortalAccess(cell string) error {
	for _, access := range []string{"", "Enabled", "Disabled"} {
		if strings.EqualFold(cell, access) {
			r.PortalAccess = access
			return nil
		}
	}
	return fmt.Errorf("%q is neither Enabled nor Disabled", cell)
}

func (r *Row) setValidUntil(cell string) (err error) {
	if cell == "" {
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if r.ValidUntil, err = time.Parse(layout, cell); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%q is no time such as 2027-06-30 or 2027-06-30T00:00:00Z", cell)
}

// ParseGrants reads programs, each as referral or referral:gold; those without a group get the one given.
func ParseGrants(texts []string, group string) (grants []Grant, err error) {
	for _, text := range texts {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		program, own, named := strings.Cut(text, ":")
		grant := Grant{Program: strings.TrimSpace(program), Group: strings.TrimSpace(own)}
		if !named {
			grant.Group = group
		}
		if grant.Program == "" || named && grant.Group == "" {
			return nil, fmt.Errorf("%q is not of the form PROGRAM or PROGRAM:GROUP", text)
		}
		if slices.ContainsFunc(grants, func(g Grant) bool { return g.Program == grant.Program }) {
			return nil, fmt.Errorf("the program %q is named twice", grant.Program)
		}
		grants = append(grants, grant)
	}
	if len(grants) == 0 && group != "" {
		grants = []Grant{{Group: group}} // a group of the program that is given elsewhere
	}
	return grants, nil
}

// Columns are the columns of the file that mean something.
func (r *Reader) Columns() []Column {
	return slices.DeleteFunc(slices.Clone(r.columns), func(c Column) bool { return c == ColumnIgnored })
}
