package stet.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ObjectKindsIT {
  private static final String DATABASE = "object kinds";

  /** Neither may a kind be missing, nor may the list of kinds lack one that is there. */
  @Test
  void pgDumpFindsEveryKindThatItKnows(@TempDir Path directory) throws IOException {
    PostgresServer server = PostgresServers.installed();
    server.createDatabase(DATABASE);
    try {
      ObjectKinds.create(server, DATABASE);
      ObjectKinds.label(server, DATABASE);
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
      String archive = directory.resolve("archive").toString();
      server.client("pg_dump", List.of("-Fc", "--create", "--file=" + archive), DATABASE);
      String contents =
          server.client("pg_restore", List.of("--list", "--create", archive), DATABASE);
      String version = server.client("pg_dump", List.of("--version"), DATABASE);

      List<String> expected =
          ObjectKinds.descriptions(
              server.majorVersion(),
              Integer.parseInt(version.replaceAll("(?s)^\\D*(\\d+).*", "$1")));
      assertThat(found(contents, expected)).containsExactlyInAnyOrderElementsOf(expected);
    } finally {
      server.dropDatabase(DATABASE);
      server.execute("postgres", "drop role object_owner", "drop role object_group");
    }
  }

  /** The kinds in a list of contents; of one that is not expected, all of its line. */
  private static TreeSet<String> found(String contents, List<String> expected) {
    String longestFirst =
        expected.stream()
            .sorted(Comparator.comparingInt(String::length).reversed())
            .collect(Collectors.joining("|"));
    Pattern line = Pattern.compile("(?m)^\\d+; \\d+ \\d+ (?:(" + longestFirst + ") .*|(.+))$");
    TreeSet<String> found = new TreeSet<>();
    Matcher matcher = line.matcher(contents);
    while (matcher.find()) {
      found.add(matcher.group(1) != null ? matcher.group(1) : matcher.group());
    }
    return found;
  }
}
