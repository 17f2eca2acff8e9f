package stet.engine.postgres.archive;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The entries of an archive as {@code pg_restore --list} prints them and {@code --use-list} takes
 * them.
 *
 * @param eventTriggers the numbers of event triggers and of what is said about them
 * @param others the numbers of all other entries
 */
public record ArchiveContents(List<String> eventTriggers, List<String> others) {
  /** A line is {@code number; catalog-oid oid kind schema tag owner}, whatever the names are. */
  private static final Pattern ENTRY =
      Pattern.compile(
          "^(\\d+); \\d+ \\d+" + "( (?:(?:COMMENT|SECURITY LABEL) - )?EVENT TRIGGER )?.*$",
          Pattern.MULTILINE);

  public static ArchiveContents parse(String list) {
    List<String> eventTriggers = new ArrayList<>();
    List<String> others = new ArrayList<>();
    Matcher entry = ENTRY.matcher(list);
    while (entry.find()) {
      (entry.group(2) != null ? eventTriggers : others).add(entry.group(1));
    }
    return new ArchiveContents(List.copyOf(eventTriggers), List.copyOf(others));
  }
}
