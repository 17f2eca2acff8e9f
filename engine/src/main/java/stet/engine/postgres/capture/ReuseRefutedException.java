package stet.engine.postgres.capture;

import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.rows.SegmentList.Segment;

/** Rows that were held to be unchanged are not: nothing may be taken from the earlier capture. */
final class ReuseRefutedException extends SourceChangedException {
  private static final long serialVersionUID = 1L;

  ReuseRefutedException(Table table, Segment expected, Segment read) {
    super(
        "table "
            + table.quoted()
            + " has changed where it should not have: the rows from block "
            + expected.position()
            + " on were "
            + expected.rows()
            + " with hash "
            + expected.hash()
            + " and are "
            + read.rows()
            + " with hash "
            + read.hash(),
        "Run `stet backup --full`; if the server's disk was not put back from an image, please report"
            + " this.",
        null);
  }
}
