package stet.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import stet.repository.Id;
import stet.repository.crypto.MasterKey;
import stet.repository.crypto.Scrypt;
import stet.repository.json.JsonObject;

/**
 * Replaces a repository's key file by one that opens with the same password at once. Deriving the
 * real one takes half a second of each run of the program, which hundreds of runs do not have.
 */
final class LightKey {
  private static final int N = 16;

  private LightKey() {}

  /** Replaces the only key of a repository. */
  static void replace(Path repository, String password) {
    byte[] secret = password.getBytes(StandardCharsets.UTF_8);
    try (Stream<Path> keys = Files.list(repository.resolve("keys"))) {
      List<Path> all = keys.toList();
      if (all.size() != 1) {
        throw new AssertionError("there are " + all.size() + " keys in " + repository);
      }
      JsonObject file = JsonObject.parse(Files.readAllBytes(all.getFirst()));
      byte[] salt = Base64.getDecoder().decode(file.string("salt"));
      byte[] sealed = Base64.getDecoder().decode(file.string("data"));
      MasterKey heavy =
          passwordKey(
              Scrypt.derive(
                  secret,
                  salt,
                  (int) file.integer("N"),
                  (int) file.integer("r"),
                  (int) file.integer("p"),
                  64));
      byte[] master = heavy.open(sealed, 0, sealed.length);
      MasterKey light = passwordKey(Scrypt.derive(secret, salt, N, 1, 1, 64));
      byte[] bytes =
          file.copy()
              .put("N", N)
              .put("r", 1)
              .put("p", 1)
              .put("data", Base64.getEncoder().encodeToString(light.seal(master)))
              .toBytes();
      Files.write(repository.resolve("keys").resolve(Id.of(bytes).toString()), bytes);
      Files.delete(all.getFirst());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static MasterKey passwordKey(byte[] derived) {
    return new MasterKey(
        Arrays.copyOfRange(derived, 0, 32),
        Arrays.copyOfRange(derived, 32, 48),
        Arrays.copyOfRange(derived, 48, 64));
  }
}
