import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Hadoop's own client in one process that stays: what `examples/storage` does, measured from inside, so that the
 * start of Java does not count. It connects before it measures and does everything ROUNDS times, because Java compiles
 * what runs often; prints the seconds of each round as JSON. `java -cp CONF:JARS HdfsPeer.java ROUNDS ROOT OPERATION …`
 */
public final class HdfsPeer {
    private static final int KIB = 1024;

    private HdfsPeer() {}

    private interface Operation {
        void round(int number) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        int rounds = Integer.parseInt(arguments[0]);
        String root = arguments[1];
        String argument = arguments[3];
        FileSystem files = FileSystem.get(new Path(root).toUri(), new Configuration());
        files.mkdirs(new Path(root));
        Operation operation =
                switch (arguments[2]) {
                    case "put" -> put(files, Files.readAllBytes(java.nio.file.Path.of(argument)), arguments[4]);
                    case "get" -> number -> get(files, new Path(argument));
                    case "small" -> number -> small(files, root + "/java-" + number, Integer.parseInt(argument));
                    case "stat" -> number -> stat(files, root + "/small", Integer.parseInt(argument));
                    default -> throw new IllegalArgumentException(arguments[2]);
                };
        StringBuilder seconds = new StringBuilder();
        for (int number = 0; number < rounds; number++) {
            long started = System.nanoTime();
            operation.round(number);
            seconds.append(number == 0 ? "" : ", ").append((System.nanoTime() - started) / 1e9);
        }
        System.out.println("{\"rounds\": [" + seconds + "]}");
    }

    private static Operation put(FileSystem files, byte[] bytes, String target) {
        return number -> write(files, new Path(target + "-" + number), bytes);
    }

    private static void write(FileSystem files, Path path, byte[] bytes) throws Exception {
        try (OutputStream out = files.create(path)) {
            out.write(bytes);
        }
    }

    private static void get(FileSystem files, Path path) throws Exception {
        byte[] bytes = new byte[(int) files.getFileStatus(path).getLen()];
        int at = 0;
        try (InputStream in = files.open(path)) {
            for (int read; at < bytes.length && (read = in.read(bytes, at, bytes.length - at)) > 0; ) {
                at += read;
            }
        }
        if (at != bytes.length) {
            throw new IllegalStateException(path + ": " + at + " of " + bytes.length + " bytes");
        }
    }

    private static void small(FileSystem files, String folder, int count) throws Exception {
        byte[] bytes = new byte[KIB];
        for (int index = 0; index < count; index++) {
            write(files, new Path(folder + "/" + index), bytes);
        }
    }

    private static void stat(FileSystem files, String folder, int count) throws Exception {
        for (int index = 0; index < count; index++) {
            if (!files.exists(new Path(folder + "/" + index))) {
                throw new IllegalStateException("no file " + index);
            }
        }
    }
}
