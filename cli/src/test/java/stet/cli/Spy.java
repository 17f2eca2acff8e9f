package stet.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * Looks at the arguments of all processes again and again, as any user of the machine could, and at
 * the environments of this one's children, and notes which hold one of some words.
 */
final class Spy implements AutoCloseable {
  private final List<byte[]> words;
  private final Set<String> findings = ConcurrentHashMap.newKeySet();
  private final Set<String> programs = ConcurrentHashMap.newKeySet();
  private final Thread thread = new Thread(this::watch, "spy");
  private volatile boolean closed;
  private volatile int looks;

  /** Begins to look for these words. */
  Spy(List<String> words) {
    this.words = words.stream().map(word -> word.getBytes(StandardCharsets.UTF_8)).toList();
    thread.start();
  }

  private void watch() {
    Path proc = Path.of("/proc");
    ProcessHandle self = ProcessHandle.current();
    while (!closed) {
      Set<Long> own = new HashSet<>();
      self.descendants().map(ProcessHandle::pid).forEach(own::add);
      ProcessHandle.allProcesses()
          .map(ProcessHandle::pid)
          .forEach(pid -> {
            if (pid == self.pid()) {
              return;
            }
            byte[] arguments = read(proc.resolve(pid + "/cmdline"));
            look(arguments, "arguments of ", arguments);
            if (own.contains(pid)) {
              programs.add(program(arguments));
              // Environments are private to the user, but every child inherits them.
              look(read(proc.resolve(pid + "/environ")), "environment of ", arguments);
            }
          });
      looks++;
      LockSupport.parkNanos(1_000_000);
    }
  }

  private static byte[] read(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      // It has ended, or is somebody else's.
      return new byte[0];
    }
  }

  private static String program(byte[] arguments) {
    String text = new String(arguments, StandardCharsets.UTF_8);
    int end = text.indexOf('\0');
    String first = end < 0 ? text : text.substring(0, end);
    return first.substring(first.lastIndexOf('/') + 1);
  }

  private void look(byte[] bytes, String where, byte[] arguments) {
    for (byte[] word : words) {
      if (contains(bytes, word)) {
        findings.add(where + new String(arguments, StandardCharsets.UTF_8).replace('\0', ' '));
      }
    }
  }

  /** Whether a word stands somewhere in the bytes. */
  static boolean contains(byte[] bytes, byte[] word) {
    for (int at = 0; at + word.length <= bytes.length; at++) {
      int i = 0;
      while (i < word.length && bytes[at + i] == word[i]) {
        i++;
      }
      if (i == word.length) {
        return true;
      }
    }
    return false;
  }

  /** Where a word was found. */
  Set<String> findings() {
    return new TreeSet<>(findings);
  }

  /** The names of all programs that ran. */
  Set<String> programs() {
    return new TreeSet<>(programs);
  }

  /** How often it has looked at all processes. */
  int looks() {
    return looks;
  }

  @Override
  public void close() throws InterruptedException {
    closed = true;
    thread.join();
  }
}
