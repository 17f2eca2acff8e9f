package stet.repository.crypto;

import java.security.SecureRandom;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Base64;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.json.GoTime;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;

/**
 * The master key sealed under a password: a file of a repository's {@code keys} folder. Immutable.
 */
public final class KeyFile {
  private static final String SCRYPT = "scrypt";
  private static final int SALT_LENGTH = 64;
  private static final int DERIVED_LENGTH = 64;

  /**
   * The cost of new key files: 32 MiB of memory and five passes. restic measures the machine and
   * arrives at three to eight passes; a constant keeps the strength from depending on how busy the
   * machine is that happens to create the repository, and bounds what every later command pays on a
   * slower one.
   */
  private static final int NEW_N = 32_768;

  private static final int NEW_R = 8;
  private static final int NEW_P = 5;

  /** The work a key file may ask for, in blocks mixed; restic's files ask for about 2²¹. */
  private static final long MAX_WORK = 1L << 27;

  private static final OffsetDateTime UNKNOWN = Instant.EPOCH.atOffset(ZoneOffset.UTC);

  private static final SecureRandom RANDOM = new SecureRandom();

  private final OffsetDateTime created;
  private final String user;
  private final String host;
  private final int n;
  private final int r;
  private final int p;
  private final byte[] salt;
  private final byte[] data;

  private KeyFile(
      OffsetDateTime created,
      String user,
      String host,
      int n,
      int r,
      int p,
      byte[] salt,
      byte[] data) {
    this.created = created;
    this.user = user;
    this.host = host;
    this.n = n;
    this.r = r;
    this.p = p;
    this.salt = salt;
    this.data = data;
  }

  /**
   * Seals a master key under a password, with a new salt. Takes some tenths of a second.
   *
   * @param password UTF-8 bytes, possibly none
   * @param user who creates it, for people to read
   * @param host where, for people to read
   */
  public static KeyFile create(
      MasterKey key, byte[] password, String user, String host, Instant created) {
    byte[] salt = new byte[SALT_LENGTH];
    RANDOM.nextBytes(salt);
    Base64.Encoder base64 = Base64.getEncoder();
    byte[] plaintext =
        new JsonObject()
            .put(
                "mac",
                new JsonObject()
                    .put("k", base64.encodeToString(key.k()))
                    .put("r", base64.encodeToString(key.r())))
            .put("encrypt", base64.encodeToString(key.encrypt()))
            .toBytes();
    byte[] data = passwordKey(password, salt, NEW_N, NEW_R, NEW_P).seal(plaintext);
    Arrays.fill(plaintext, (byte) 0);
    return new KeyFile(
        created.atOffset(ZoneOffset.UTC), user, host, NEW_N, NEW_R, NEW_P, salt, data);
  }

  /** The file's bytes, whose SHA-256 is its name. */
  public byte[] toBytes() {
    Base64.Encoder base64 = Base64.getEncoder();
    return new JsonObject()
        .put("created", GoTime.format(created))
        .put("username", user)
        .put("hostname", host)
        .put("kdf", SCRYPT)
        .put("N", n)
        .put("r", r)
        .put("p", p)
        .put("salt", base64.encodeToString(salt))
        .put("data", base64.encodeToString(data))
        .toBytes();
  }

  /**
   * Reads a key file.
   *
   * @throws RepositoryException as damaged if the bytes are not a whole key file, as unsupported if
   *     it derives keys in a way not known here; the caller adds the file's name
   */
  public static KeyFile parse(byte[] bytes) {
    if (bytes.length == 0) {
      throw damaged("the file is empty", null);
    }
    try {
      JsonObject json = JsonObject.parse(bytes);
      String kdf = json.string("kdf");
      if (!kdf.equals(SCRYPT)) {
        throw new RepositoryException(
            Problem.UNSUPPORTED,
            "key file derives keys with \"%s\", only scrypt is known".formatted(kdf),
            "Open the repository with the program that wrote the key file.");
      }
      int n = parameter(json, "N");
      int r = parameter(json, "r");
      int p = parameter(json, "p");
      Scrypt.check(n, r, p);
      if ((long) n * r * p > MAX_WORK) {
        throw new RepositoryException(
            Problem.UNSUPPORTED,
            "key file asks for too much work: N is %d, r is %d, p is %d".formatted(n, r, p),
            "Create the key again with restic's own parameters.");
      }
      byte[] salt = base64(json, "salt");
      if (salt.length != SALT_LENGTH) {
        throw damaged("the salt has %d bytes, not %d".formatted(salt.length, SALT_LENGTH), null);
      }
      byte[] data = base64(json, "data");
      if (data.length <= MasterKey.OVERHEAD) {
        throw damaged("the sealed key has only %d bytes".formatted(data.length), null);
      }
      String created = json.optionalString("created");
      return new KeyFile(
          created == null ? UNKNOWN : GoTime.parse(created),
          text(json, "username"),
          text(json, "hostname"),
          n,
          r,
          p,
          salt,
          data);
    } catch (JsonException | IllegalArgumentException e) {
      throw damaged(String.valueOf(e.getMessage()), e);
    }
  }

  private static int parameter(JsonObject json, String name) {
    long value = json.integer(name);
    if (value < 1 || value > Integer.MAX_VALUE) {
      throw damaged("scrypt %s is %d".formatted(name, value), null);
    }
    return (int) value;
  }

  private static byte[] base64(JsonObject json, String name) {
    try {
      return Base64.getDecoder().decode(json.string(name));
    } catch (IllegalArgumentException e) {
      throw damaged("the member \"" + name + "\" is not base64", e);
    }
  }

  private static String text(JsonObject json, String name) {
    String text = json.optionalString(name);
    return text == null ? "" : text;
  }

  private static RepositoryException damaged(String fact, @Nullable Throwable cause) {
    return new RepositoryException(
        Problem.DAMAGED,
        "not a usable key file: " + fact,
        "Restore the file from a copy of the repository, or remove it if another key opens.",
        cause);
  }

  /**
   * Opens the master key. Takes some tenths of a second and 128·N·r bytes of memory.
   *
   * @return empty if the password is wrong
   * @throws RepositoryException as damaged if the password is right but what it opens is no key, as
   *     unsupported if the Java heap cannot hold what scrypt needs
   */
  public Optional<MasterKey> unlock(byte[] password) {
    long memory = 128L * n * r;
    long heap = Runtime.getRuntime().maxMemory();
    if (memory >= heap) {
      throw new RepositoryException(
          Problem.UNSUPPORTED,
          "key file needs %d MiB of memory to open, the Java heap may have %d MiB"
              .formatted(memory >> 20, heap >> 20),
          "Raise the heap with -Xmx, or add a key with restic.");
    }
    MasterKey passwordKey = passwordKey(password, salt, n, r, p);
    byte[] plaintext = new byte[data.length - MasterKey.OVERHEAD];
    if (!passwordKey.tryOpen(data, 0, data.length, plaintext, 0)) {
      return Optional.empty();
    }
    try {
      JsonObject json = JsonObject.parse(plaintext);
      JsonObject mac = json.object("mac");
      return Optional.of(
          new MasterKey(base64(json, "encrypt"), base64(mac, "k"), base64(mac, "r")));
    } catch (JsonException | IllegalArgumentException e) {
      // Without the cause: a parser's message may quote the text, which is the key.
      throw damaged("the password opens it, but it holds no master key", null);
    } finally {
      Arrays.fill(plaintext, (byte) 0);
    }
  }

  private static MasterKey passwordKey(byte[] password, byte[] salt, int n, int r, int p) {
    byte[] derived = Scrypt.derive(password, salt, n, r, p, DERIVED_LENGTH);
    return new MasterKey(
        Arrays.copyOfRange(derived, 0, 32),
        Arrays.copyOfRange(derived, 32, 48),
        Arrays.copyOfRange(derived, 48, 64));
  }

  /** When it was made; {@link Instant#EPOCH} if the file does not say. */
  public Instant created() {
    return created.toInstant();
  }

  /** Who made it, empty if the file does not say. */
  public String user() {
    return user;
  }

  /** Where it was made, empty if the file does not say. */
  public String host() {
    return host;
  }
}
