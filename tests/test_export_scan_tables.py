"""Tables of clips, and FMA, in the layouts in which they come; missing files and senseless lines are named."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.made_music import write_tune
from tests.scanning import refused, scan

ROWS = [  # seed, labels, artist, split
    (1, "rock;indie", "Ann", "train"),
    (2, "rock", "Ben", "training"),
    (3, "jazz", "Cid", "train"),
    (4, "jazz|rock", "Dan", "val"),
    (5, "indie", "Eve", "train"),
    (6, "jazz", "Fay", "test"),
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV with relative paths, and its music."""
    folder = tmp_path_factory.mktemp("table")
    lines = ["path,labels,artist,split"]
    for seed, labels, artist, split in ROWS:
        write_tune(folder / "audio" / f"{seed}.wav", seed, 4.5)
        lines.append(f"audio/{seed}.wav,{labels},{artist},{split}")
    (folder / "clips.csv").write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    return folder / "clips.csv"


def test_a_csv_with_its_official_split(table: Path, tmp_path: Path) -> None:
    done = scan(table, tmp_path / "set")
    assert done.code == 0, done.said
    assert done.music.multi_label
    assert done.music.label_names == ("indie", "jazz", "rock")
    assert done.clips["1.wav"].labels == ("rock", "indie")
    assert [clip.split for clip in done.music.clips] == ["train", "train", "train", "validation", "train", "test"]
    assert [clip.artist for clip in done.music.clips] == [row[2] for row in ROWS]
    assert "the split test has no clip of 'indie', 'rock'" in done.shown
    drawn = scan(table, tmp_path / "drawn", "--split", "random", "--test", "0")
    assert drawn.code == 0, drawn.said
    assert drawn.music.of("test") == ()
    single = scan(table, tmp_path / "single", "--single-label", "--split", "random")
    assert single.skipped["4.wav"] == "has several labels, and the set one a clip"
    assert not single.music.multi_label


def test_json_lines_and_tags(table: Path, tmp_path: Path) -> None:
    rows = [
        {"path": str(table.parent / "audio" / f"{seed}.wav"), "labels": labels.split(";")} for seed, labels, *_ in ROWS
    ]
    jsonl = tmp_path / "clips.jsonl"
    jsonl.write_text("\n".join(map(json.dumps, rows)) + "\n")
    assert scan(jsonl, tmp_path / "a").clips["1.wav"].labels == ("rock", "indie")
    tagged = tmp_path / "tags.tsv"
    lines = [f"{row['path']}\t{' '.join(row['labels'])}" for row in rows]
    tagged.write_text("file\ttags\n" + "\n".join(lines))
    assert scan(tagged, tmp_path / "b").clips["1.wav"].labels == ("rock", "indie")
    bare = tmp_path / "bare.csv"
    bare.write_text("path\n" + "\n".join(str(row["path"]) for row in rows))
    assert scan(bare, tmp_path / "c", "--unlabelled").code == 0
    assert "bare.csv:2: no column labels, genre or tags; --unlabelled" in refused(bare, tmp_path / "d")


def test_missing_files_are_named(table: Path, tmp_path: Path) -> None:
    missing = table.with_name("missing.csv")
    missing.write_text(table.read_text(encoding="utf-8-sig") + "".join(f"gone/{n}.wav,rock,,train\n" for n in range(8)))
    said = refused(missing, tmp_path / "a")
    assert "8 of 14 files are missing; --skip-missing goes on" in said
    assert f"{missing}:8: {table.parent}/gone/0.wav does not exist" in said
    assert "... and 3 more" in said
    done = scan(missing, tmp_path / "b", "--skip-missing")
    assert len(done.music.clips) == len(ROWS)
    assert done.skipped["0.wav"] == "does not exist"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.csv", "", "x.csv has no clips"),
        ("x.csv", "path,labels\n", "x.csv has no clips"),
        ("x.csv", "name,labels\na,b\n", "x.csv:2: no path"),
        ("x.csv", "path,labels\na,b,c,d\n", "x.csv:2: more columns than the header has"),
        ("x.csv", "path,labels,split\na.wav,b,spring\n", "x.csv:2: unknown split 'spring'"),
        ("x.csv", "path,labels\na.wav,b\na.wav,c\n", "a.wav is in"),
        ("x.jsonl", "{\n", "x.jsonl:1: not JSON"),
        ("x.jsonl", '{"path": "a", "labels": "\\ud800"}\n', "x.jsonl:1: not JSON"),
        ("x.jsonl", "[]\n", "x.jsonl:1: not a JSON object"),
        ("x.jsonl", '{"path": "a", "labels": 3}\n', "x.jsonl:1: labels must be words, not 3"),
        ("x.csv", "path,labels\n\udcff,b\n", "is not UTF-8"),
        ("x.xlsx", "PK", "a source is a folder, or a table (.csv, .tsv, .jsonl, .ndjson)"),
    ],
)
def test_tables_that_cannot_be_meant(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert said in refused(path, tmp_path / "set")


def test_options_for_folders_are_refused_with_a_table(table: Path, tmp_path: Path) -> None:
    assert "are for folders" in refused(table, tmp_path / "set", "--genre-from", "parent")
    assert "does not exist" in refused(table.with_name("no.csv"), tmp_path / "set")


def test_a_leak_across_an_official_split_is_an_error(table: Path, tmp_path: Path) -> None:
    leaking = table.with_name("leaking.csv")
    write_tune(table.parent / "audio" / "copy.mp3", 2, 4.5)
    write_tune(table.parent / "audio" / "more.wav", 7, 4.5)
    text = table.read_text(encoding="utf-8-sig") + "audio/copy.mp3,rock,,test\naudio/more.wav,jazz,,train\n"
    leaking.write_text(text.replace("Fay", "Cid"))
    said = refused(leaking, tmp_path / "a")
    assert "2 leaks between the splits" in said
    assert "artist Cid" in said
    assert "copy.mp3 (test)" in said
    done = scan(leaking, tmp_path / "b", "--drop-leaks")
    assert set(done.skipped) == {"2.wav", "3.wav"}


# The columns of fma_metadata.zip's tracks.csv.
FMA_COLUMNS = {
    "album": "comments date_created date_released engineer favorites id information listens producer tags title tracks "
    "type",
    "artist": "active_year_begin active_year_end associated_labels bio comments date_created favorites id latitude "
    "location longitude members name related_projects tags website wikipedia_page",
    "set": "split subset",
    "track": "bit_rate comments composer date_created date_recorded duration favorites genre_top genres genres_all "
    "information interest language_code license listens lyricist number publisher tags title",
}
FMA_TRACKS = {  # track: artist, genre_top, genres_all, split
    2: ("AWOL", "Hip-Hop", "[21]", "training"),
    5: ("Abominog", "Rock", "[45, 12]", "training"),
    10: ("Kurt Vile", "Hip-Hop", "[21]", "validation"),
    140: ("Alec K. Redfearn", "Rock", "[12]", "validation"),
    1001: ("Nicky Cook", "Rock", "[12, 45]", "test"),
    1002: ("Amoebic", "Hip-Hop", "[21]", "test"),
    1003: ("Untold", "", "[]", "training"),
    133297: ("Broken", "Rock", "[12]", "training"),
    99134: ("Broken too", "Hip-Hop", "[21]", "training"),
}


@pytest.fixture(scope="module")
def fma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FMA's layout: fma_small/000/000002.mp3 and fma_metadata, three broken files and one that no table knows."""
    root = tmp_path_factory.mktemp("fma")
    for number in FMA_TRACKS:
        write_tune(fma_path(root, number), number, 4.5)
    fma_path(root, 133297).write_bytes(b"")
    fma_path(root, 99134).write_bytes(b"\xff\xfb" + bytes(500))
    write_tune(fma_path(root, 777), 777, 4.5)
    (root / "fma_small" / "checksums").write_text("0 000/000002.mp3\n")
    metadata = root / "fma_metadata"
    metadata.mkdir()
    (metadata / "genres.csv").write_text(
        "genre_id,#tracks,parent,title,top_level\n12,32923,0,Rock,12\n21,8389,0,Hip-Hop,21\n45,1,12,Loud-Rock,12\n"
    )
    columns = [(group, column) for group, names in FMA_COLUMNS.items() for column in names.split()]
    with (metadata / "tracks.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["", *(group for group, _ in columns)])
        writer.writerow(["", *(column for _, column in columns)])
        writer.writerow(["track_id", *("" for _ in columns)])
        for number, (artist, top, genres_all, split) in FMA_TRACKS.items():
            row = dict.fromkeys(columns, "0")
            row |= {("artist", "name"): artist, ("artist", "bio"): f'<p>A "long"\nlife, {"x" * 200_000}</p>'}
            row |= {("track", "genre_top"): top, ("track", "genres_all"): genres_all, ("set", "split"): split}
            writer.writerow([number, *row.values()])
    return root


def fma_path(root: Path, number: int) -> Path:
    return root / "fma_small" / f"{number // 1000:03d}" / f"{number:06d}.mp3"


def test_fma_with_its_official_split(fma: Path, tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    done = scan(fma / "fma_small", tmp_path / "set", "--fma-tracks", str(fma / "fma_metadata" / "tracks.csv"))
    assert done.code == 0, done.said
    assert done.music.label_names == ("Hip-Hop", "Rock")
    assert not done.music.multi_label
    assert {name: (clip.artist, clip.split) for name, clip in done.clips.items()} == {
        "000002.mp3": ("AWOL", "train"),
        "000005.mp3": ("Abominog", "train"),
        "000010.mp3": ("Kurt Vile", "validation"),
        "000140.mp3": ("Alec K. Redfearn", "validation"),
        "001001.mp3": ("Nicky Cook", "test"),
        "001002.mp3": ("Amoebic", "test"),
    }
    assert done.skipped["133297.mp3"] == "is empty"
    assert done.skipped["000777.mp3"] == "is not in tracks.csv"
    assert done.skipped["001003.mp3"] == "has no genre_top in tracks.csv"
    assert set(done.skipped) == {"133297.mp3", "000777.mp3", "001003.mp3", "099134.mp3"}
    assert csv.field_size_limit() == limit  # FMA's long fields are no other table's


def test_fma_with_all_genres_of_a_track(fma: Path, tmp_path: Path) -> None:
    tracks = fma / "fma_metadata" / "tracks.csv"
    done = scan(fma / "fma_small", tmp_path / "set", "--fma-tracks", str(tracks), "--fma-labels", "genres_all")
    assert done.music.multi_label
    assert done.music.label_names == ("Hip-Hop", "Loud-Rock", "Rock")
    assert done.clips["000005.mp3"].labels == ("Loud-Rock", "Rock")


def test_what_is_not_fma_is_refused(fma: Path, tmp_path: Path) -> None:
    genres = fma / "fma_metadata" / "genres.csv"
    said = refused(fma / "fma_small", tmp_path / "a", "--fma-tracks", str(genres))
    assert "is not FMA's tracks.csv: no column set.split" in said
    assert "comes with fma_metadata.zip" in refused(fma / "fma_small", tmp_path / "b", "--fma-tracks", "none.csv")
    said = refused(fma / "fma_small", tmp_path / "b", "--fma-tracks", str(fma / "fma_metadata"))
    assert "is no file: name the tracks.csv" in said
    tracks = fma / "fma_metadata" / "tracks.csv"
    assert "has no track that" in refused(fma / "fma_metadata", tmp_path / "c", "--fma-tracks", str(tracks))
    copy = tmp_path / "tracks.csv"
    text = tracks.read_text(encoding="utf-8")
    copy.write_text(text.replace("\n140,", "\none hundred,"), encoding="utf-8")
    assert "is not a track" in refused(fma / "fma_small", tmp_path / "d", "--fma-tracks", str(copy))
    copy.write_text(text, encoding="utf-8")
    options = ("--fma-tracks", str(copy), "--fma-labels", "genres_all")
    assert "genres.csv does not exist" in refused(fma / "fma_small", tmp_path / "e", *options)
    assert "are for folders" in refused(tracks, tmp_path / "f", "--fma-tracks", str(copy), "--artist-from", "first")
