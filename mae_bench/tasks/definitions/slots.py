"""Slots of an utterance to an assistant: what it asks for, word by word (F1 of spans)."""

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task
from mae_bench.tasks.published import split_rows

_SPLITS = {"train": "train", "validation": "validation", "test": "test"}

_ATIS_LONG = """
    airline_name airport_name arrive_date.day_number arrive_time.end_time
    arrive_time.period_of_day arrive_time.start_time arrive_time.time arrive_time.time_relative
    city_name class_type cost_relative depart_date.day_number depart_date.today_relative
    depart_time.end_time depart_time.period_of_day depart_time.start_time depart_time.time
    depart_time.time_relative economy fare_amount fare_basis_code flight_mod flight_number
    flight_stop flight_time fromloc.airport_name fromloc.city_name fromloc.state_name meal_code
    meal_description restriction_code return_date.date_relative return_date.day_number
    return_date.today_relative round_trip state_name stoploc.city_name time today_relative
    toloc.airport_name toloc.city_name toloc.state_name transport_type
"""
_ATIS_OF_ONE_WORD = """
    aircraft_code airline_code airport_code arrive_date.date_relative arrive_date.day_name
    arrive_date.month_name arrive_date.today_relative arrive_time.period_mod booking_class
    compartment connect day_name day_number days_code depart_date.date_relative
    depart_date.day_name depart_date.month_name depart_date.year depart_time.period_mod flight
    flight_days fromloc.airport_code fromloc.state_code meal mod month_name or period_of_day
    return_date.day_name return_date.month_name return_time.period_mod return_time.period_of_day
    state_code stoploc.airport_code stoploc.airport_name stoploc.state_code time_relative
    toloc.airport_code toloc.country_name toloc.state_code
"""
_SNIPS_LONG = """
    album artist city country cuisine current_location entity_name facility genre geographic_poi
    location_name movie_name movie_type music_item object_location_type object_name
    object_part_of_series_type object_select object_type party_size_description playlist
    playlist_owner poi restaurant_name restaurant_type served_dish service sort spatial_relation
    state timeRange track
"""
_SNIPS_OF_ONE_WORD = """
    best_rating condition_description condition_temperature party_size_number rating_unit
    rating_value year
"""


def _add(
    name: str,
    folder: str,
    long: str,
    of_one_word: str,
    licence: str,
    rows: dict[str, int],
    note: str,
) -> None:
    """Add a task; slots ``of_one_word`` have no ``I-`` anywhere in the data."""
    begun = [f"B-{slot}" for slot in (long + of_one_word).split()]
    add_task(
        Task(
            name=name,
            kind="tag",
            text_fields=("tokens",),
            label_field="slots",
            label_names=("O", *begun, *(f"I-{slot}" for slot in long.split())),
            metrics=("span_f1", "span_precision", "span_recall"),
            source=Source("", "", folder, licence, _SPLITS, rows=rows),
            selection_split="validation",
            licence=licence,
            note=f"{note}; read from a local folder: the Hub holds it in other columns",
        )
    )


_add(
    "atis/slots",
    "atis",
    _ATIS_LONG,
    _ATIS_OF_ONE_WORD,
    "not stated (LDC ATIS; redistribution unclear)",
    split_rows(4478, 500, 893),
    "flights; the split of Goo et al. 2018; seven of 127 tags are not in train",
)
_add(
    "snips/slots",
    "snips",
    _SNIPS_LONG,
    _SNIPS_OF_ONE_WORD,
    "CC0 1.0",
    split_rows(13084, 700, 700),
    "seven intents of an assistant (Coucke et al. 2018, arXiv:1805.10190), lower case",
)
