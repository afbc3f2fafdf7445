package roster

import (
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"time"
)

// Writer writes a roster that a Reader reads.
type Writer struct {
	rows    *csv.Writer
	columns []Column
}

// NewWriter writes the header: all columns, and one for each custom field.
func NewWriter(w io.Writer, custom []string) (*Writer, error) {
	columns := slices.Clone(Columns)
	for _, name := range custom {
		columns = append(columns, Column(CustomPrefix+name))
	}
	header := make([]string, len(columns))
	for i, column := range columns {
		header[i] = string(column)
	}
	written := &Writer{rows: csv.NewWriter(w), columns: columns}
	return written, written.rows.Write(header)
}

// Write writes one row.
func (w *Writer) Write(row Row) error {
	cells := make([]string, len(w.columns))
	for i, column := range w.columns {
		cells[i] = row.Cell(column)
	}
	return w.rows.Write(cells)
}

// Flush writes what is left.
func (w *Writer) Flush() error {
	w.rows.Flush()
	return w.rows.Error()
}

// Cell is what stands in a column of the row. The group stands with its program.
func (r *Row) Cell(column Column) string {
	switch column {
	case ColumnEmail:
		return r.Email
	case ColumnProgram:
		programs := make([]string, len(r.Grants))
		for i, grant := range r.Grants {
			if programs[i] = grant.Program; grant.Group != "" {
				programs[i] += ":" + grant.Group
			}
		}
		return strings.Join(programs, "|")
	case ColumnGroup:
		return ""
	case ColumnPortalAccess:
		return r.PortalAccess
	case ColumnValidUntil:
		if r.ValidUntil.IsZero() {
			return ""
		}
		return r.ValidUntil.UTC().Format(time.RFC3339)
	default:
	}
	if text := r.texts()[column]; text != nil {
		return *text
	}
	return r.Custom[strings.TrimPrefix(string(column), CustomPrefix)]
}
