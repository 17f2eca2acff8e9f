package stet.cli.command;

import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import stet.cli.output.Output;
import stet.cli.session.Session;
import stet.engine.posix.PosixPath;
import stet.engine.snapshot.SnapshotFiles;
import stet.repository.Repository;
import stet.repository.json.JsonObject;
import stet.repository.lock.RepositoryLock;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;

/** {@code ls}: lists what a snapshot holds. */
@Command(
    name = "ls",
    description = {
      "List the files of a snapshot.",
      "Backslashes in names, and what does not print, are shown as \\\\, \\n, \\r, \\t and \\xHH; a path may"
          + " be given so, too."
    },
    footer = {
      "",
      "JSON: a document for each entry: {struct_type: \"node\", path, name, type, mode, uid, gid, size,"
          + " mtime, linktarget?}"
    })
public final class LsCommand implements Callable<Integer> {
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss");

  private final Session session;

  @Mixin private SnapshotChoice snapshot = new SnapshotChoice();

  @Mixin private ReadLock readLock = new ReadLock();

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "PATH",
      defaultValue = "/",
      description = "A directory or file in the snapshot; default: all.")
  private String path = "/";

  @Option(
      names = {"-l", "--long"},
      description = "Also show type, mode, owner, size and time.")
  private boolean details;

  public LsCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() {
    try (Repository repository = session.openRepository();
        RepositoryLock lock = readLock.take(repository, false)) {
      Snapshot chosen = snapshot.resolve(session, repository);
      repository.loadIndex();
      SnapshotFiles files = new SnapshotFiles(repository.reader(), chosen);
      List<Node> walked = files.walk(path);
      String prefix = SnapshotFiles.printable(walked);
      Node start = walked.isEmpty() ? null : walked.getLast();
      if (start == null) {
        list(files, files.root(), prefix);
      } else if (start.type() == NodeType.DIRECTORY) {
        list(files, files.children(start.requireSubtree()), prefix);
      } else {
        show(prefix, start);
      }
    }
    return 0;
  }

  /** An entry to show, and what comes below it. */
  private record Entry(String path, Node node) {}

  private void list(SnapshotFiles files, List<Node> nodes, String prefix) {
    Deque<Entry> pending = new ArrayDeque<>();
    push(pending, nodes, prefix);
    while (!pending.isEmpty()) {
      Entry entry = pending.pop();
      show(entry.path, entry.node);
      if (entry.node.type() == NodeType.DIRECTORY) {
        push(pending, files.children(entry.node.requireSubtree()), entry.path);
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new stet.engine.StetException(stet.engine.ErrorCode.INTERRUPTED, "interrupted", null);
      }
    }
  }

  private static void push(Deque<Entry> pending, List<Node> nodes, String prefix) {
    for (Node node : nodes.reversed()) {
      pending.push(new Entry(prefix + "/" + PosixPath.printable(node.nameBytes()), node));
    }
  }

  private void show(String shown, Node node) {
    Output output = session.output();
    byte[] link = node.linkTarget();
    String target = link == null ? null : PosixPath.printable(link);
    if (output.json()) {
      output.document(
          new JsonObject()
              .put("struct_type", "node")
              .put("path", shown)
              .put("name", PosixPath.printable(node.nameBytes()))
              .put("type", node.type().text())
              .put("mode", node.mode())
              .put("uid", node.uid())
              .put("gid", node.gid())
              .put("size", node.size())
              .put("mtime", node.modified().toString())
              .putIfPresent("linktarget", target));
    } else if (details) {
      output.print(
          String.format(
              Locale.ROOT,
              "%s %6s %6s %12d %s %s%s",
              permissions(node),
              node.user().isEmpty() ? Long.toString(node.uid()) : node.user(),
              node.group().isEmpty() ? Long.toString(node.gid()) : node.group(),
              node.size(),
              node.modified().atZone(ZoneId.systemDefault()).format(TIME),
              shown,
              target == null ? "" : " -> " + target));
    } else {
      output.print(shown);
    }
  }

  private static String permissions(Node node) {
    char type =
        switch (node.type()) {
          case FILE -> '-';
          case DIRECTORY -> 'd';
          case SYMLINK -> 'l';
          case BLOCK_DEVICE -> 'b';
          case CHARACTER_DEVICE -> 'c';
          case FIFO -> 'p';
          case SOCKET -> 's';
        };
    int mode = node.mode();
    char[] text = "rwxrwxrwx".toCharArray();
    for (int bit = 0; bit < 9; bit++) {
      if ((mode & (1 << (8 - bit))) == 0) {
        text[bit] = '-';
      }
    }
    special(text, 2, (mode & 04000) != 0, 's');
    special(text, 5, (mode & 02000) != 0, 's');
    special(text, 8, (mode & 01000) != 0, 't');
    return type + new String(text);
  }

  private static void special(char[] text, int at, boolean set, char letter) {
    if (set) {
      text[at] = text[at] == 'x' ? letter : Character.toUpperCase(letter);
    }
  }
}
