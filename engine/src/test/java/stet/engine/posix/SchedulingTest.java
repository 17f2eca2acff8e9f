package stet.engine.posix;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class SchedulingTest {
  /** Of proc_pid_stat(5), counted behind the name, which may have spaces. */
  private static final int POLICY = 38;

  private static void note(List<String> policies) {
    try {
      String stat = Files.readString(Path.of("/proc/thread-self/stat"));
      policies.add(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[POLICY]);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aThreadAndThoseThatItBeginsWorkInBulkAndNoOthers() throws Exception {
    List<String> policies = Collections.synchronizedList(new ArrayList<>());
    Thread.ofPlatform()
        .start(() -> {
          note(policies);
          Scheduling.batch();
          note(policies);
          try {
            Thread.ofPlatform().start(() -> note(policies)).join();
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        })
        .join();
    note(policies);

    assertThat(policies).containsExactly("0", "3", "3", "0");
  }
}
