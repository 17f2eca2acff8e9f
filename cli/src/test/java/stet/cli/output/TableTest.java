package stet.cli.output;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import stet.cli.output.Table.Column;

class TableTest {
  @Test
  void alignsColumns() {
    Table table = new Table(Column.text("ID"), Column.number("Size"), Column.text("Name"));
    table.row("1", "12 B", "é");
    table.row("long id", "1.0 MiB", "a\nb");

    assertThat(table.lines())
        .containsExactly(
            "ID          Size  Name", "1           12 B  é", "long id  1.0 MiB  a\\nb");
  }

  @Test
  void refusesARowOfAnotherLength() {
    Table table = new Table(Column.text("ID"));

    assertThatThrownBy(() -> table.row("1", "2")).isInstanceOf(IllegalArgumentException.class);
  }
}
