"""The packages of Debian's main section whose music is taken, and where in them music is not. Data, no behaviour."""

from collections.abc import Mapping
from typing import Final

PACKAGES: Final = (
    "asc-music",
    "btanks-data",
    "colobot-common-sounds",
    "enigma-data",
    "extremetuxracer-data",
    "fillets-ng-data",
    "flare-game",
    "freedroidrpg-data",
    "freeorion-data",
    "fretsonfire-songs-muldjord",
    "fretsonfire-songs-sectoid",
    "frozen-bubble-data",
    "gunroar-data",
    "hedgewars-data",
    "hyperrogue-music",
    "lordsawar-data",
    "marsshooter-data",
    "megaglest-data",
    "mu-cade-data",
    "naev-data",
    "nexuiz-music",
    "noiz2sa-data",
    "openttd-openmsx",
    "parsec47-data",
    "planetblupi-music-ogg",
    "plee-the-bear-data",
    "pushover-data",
    "scorched3d-data",
    "singularity-music",
    "starfighter-data",
    "supertux-data",
    "supertuxkart-data",
    "titanion-data",
    "torus-trooper-data",
    "tumiki-fighters-data",
    "ufoai-music",
    "unknown-horizons",
    "warmux-data",
    "warzone2100-music",
    "wesnoth-1.16-music",
    "wesnoth-1.18-music",
    "widelands-data",
    "xmoto-data",
    "zaz-data",
)
"""Games, of many hands and kinds: orchestral, ambient, techno, metal, jazz, folk, chip tunes. Of the two releases of
Wesnoth's music a Debian has one."""

MIDI_PACKAGES: Final = frozenset({"openttd-openmsx"})
"""Their MIDI files are pieces, and are played with fluidsynth; elsewhere they are a game's score cards."""

AUDIO: Final = frozenset({".ogg", ".oga", ".opus", ".mp3", ".flac", ".wav"})
MIDI: Final = frozenset({".mid", ".midi"})
ARCHIVES: Final = frozenset({".pk3"})
"""Zip files in which games of the Quake family keep their music."""

NOT_MUSIC: Final = frozenset(
    {
        *("ambient", "ambience", "ambiences", "environment", "tilesets", "weather"),
        *("effects", "events", "interface", "sfx", "soundfx", "units", "weapons"),
        *("announcer", "bot_sounds", "comments", "speech", "tutorial", "tutorials", "voice", "voices"),
    }
)
"""Folders of effects and speech."""

NOT_TRACKS: Final = frozenset({"guitar.ogg", "rhythm.ogg", "drums.ogg", "crowd.ogg", "preview.ogg", "wind_ambient.ogg"})
"""Single voices of songs that are there whole, or a part of them; wind."""

PROSE_LICENCES: Final[Mapping[str, str]] = {
    "enigma-data": "GPL-2",
    "fillets-ng-data": "GPL-2",
    "fretsonfire-songs-muldjord": "CC-BY-SA-3.0",
    "fretsonfire-songs-sectoid": "Expat",
    "gunroar-data": "BSD-2-clause",
    "mu-cade-data": "BSD-2-clause",
    "nexuiz-music": "GPL-2+",
    "noiz2sa-data": "BSD-2-clause",
    "parsec47-data": "BSD-2-clause",
    "plee-the-bear-data": "CC-BY-SA-3.0",
    "singularity-music": "CC-BY-SA-3.0",
    "titanion-data": "BSD-2-clause",
    "torus-trooper-data": "BSD-2-clause",
    "tumiki-fighters-data": "BSD-2-clause",
    "warmux-data": "GPL-2+",
    "wesnoth-1.16-music": "GPL-2+",
    "wesnoth-1.18-music": "GPL-2+",
}
"""Of packages whose copyright file is prose: what it says of the music, as read by us."""
