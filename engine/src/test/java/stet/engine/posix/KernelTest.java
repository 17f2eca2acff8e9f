package stet.engine.posix;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class KernelTest {
  private static final Path SOURCE = Path.of("src/main/java/stet/engine/posix/Kernel.java");
  private static final Path X86 = Path.of("/usr/include/x86_64-linux-gnu/asm/unistd_64.h");
  private static final Path GENERIC = Path.of("/usr/include/asm-generic/unistd.h");
  private static final Pattern DECLARED =
      Pattern.compile("static final int ([A-Z0-9]+) = number\\((\\d+), (\\d+)\\);");
  private static final Pattern DEFINED = Pattern.compile("#define __NR(?:3264)?_(\\w+) (\\d+)");

  /** Only one architecture can be run in one place, so the numbers are held against the tables. */
  @Test
  void callNumbersAreThoseOfTheKernelsTables() throws IOException {
    assumeTrue(Files.exists(SOURCE), "the sources are not where the tests run");
    assumeTrue(
        Files.exists(X86) && Files.exists(GENERIC), "the kernel's headers are not installed");
    Map<String, Integer> x86 = numbers(X86);
    Map<String, Integer> generic = numbers(GENERIC);
    int compared = 0;
    Matcher declared = DECLARED.matcher(Files.readString(SOURCE));
    while (declared.find()) {
      String name = declared.group(1).toLowerCase(Locale.ROOT);
      assertThat(x86).containsEntry(name, Integer.valueOf(declared.group(2)));
      assertThat(generic).containsEntry(name, Integer.valueOf(declared.group(3)));
      compared++;
    }
    assertThat(compared).isGreaterThan(30);
  }

  private static Map<String, Integer> numbers(Path header) throws IOException {
    Map<String, Integer> numbers = new TreeMap<>();
    Matcher matcher = DEFINED.matcher(Files.readString(header));
    while (matcher.find()) {
      numbers.put(matcher.group(1), Integer.valueOf(matcher.group(2)));
    }
    return numbers;
  }
}
